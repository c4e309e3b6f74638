# %% [markdown]
# # Which type of tumor? Features and a classical model
#
# Where the mask is known, shape, intensity and texture describe the tumor, and a classical model tells glioma,
# meningioma and pituitary tumor apart. The features are those of the IBSI; models are compared by cross-validation over
# patients.
#
# Data are phantoms in the layout of figshare 1512427; set `TUMORSCOPE_FIGSHARE` to the folder of the real set.

# %%
import os

import tumorscope
from tumorscope.datasets.phantom import example_data
from tumorscope.datasets.registry import open_dataset
from tumorscope.measurement.radiomics import extract_features

data = example_data("figshare", "example-data")
case = open_dataset("figshare", data).cases[0]
scan, mask = case.scan(), case.truth().mask
features = extract_features(scan.voxels[..., 0], mask, scan.spacing_mm)
print(f"{len(features)} features of a {case.truth().tumor_class}:")
print("\n".join(f"{name:40} {value:10.4g}" for name, value in list(features.items())[:8]))

# %% [markdown]
# Every slice is measured, the models are fitted and compared by patient, and the best one is exported.

# %%
quick = ["models=[logistic_regression,svm]", "permutations=1"]
changes = [] if "TUMORSCOPE_FIGSHARE" in os.environ else quick
run = tumorscope.train("figshare-features", data, "example-runs/features", changes=changes)
for model in run.compared:
    print(f"{model['model']:22} balanced accuracy {model['metrics']['balanced_accuracy']['value']:.3f}")

# %%
tumorscope.plot(run, "confusion")

# %% [markdown]
# Which features matter: the loss of balanced accuracy when one is shuffled, alone or with its family. Phantoms are so
# easy to tell apart that the rest of the features suffices, and nothing is lost; tumors of patients are not.

# %%
tumorscope.plot(run, "importance")
