# %% [markdown]
# # Where is the tumor? A ResUNet
#
# A U-Net with residual blocks, trained with the focal Tversky loss, draws the mask. Data are phantoms in the layout of
# LGG, with small images, a small network and few epochs; set `TUMORSCOPE_LGG` to the folder `kaggle_3m` to train on the
# real patients.

# %%
import os

import tumorscope
from tumorscope.datasets.labeled import cases_of
from tumorscope.datasets.phantom import example_data
from tumorscope.datasets.registry import open_dataset

data = example_data("lgg", "example-data")
real = "TUMORSCOPE_LGG" in os.environ
optimization = ["optimization.batch_size=6", "optimization.learning_rate=0.004"]
small = ["preparation.size=64", "network.widths=[16,16,24]", *optimization]
quick = {} if real else {"changes": small, "epochs": 8}
run = tumorscope.train("lgg-resunet", data, "example-runs/resunet", **quick)
print(run.layers.splitlines()[-1])

# %%
tumorscope.plot(run)

# %% [markdown]
# As a bundle, evaluated on the test patients: Dice of whole patients, and how often a slice without tumor gets a mask.

# %%
bundle = tumorscope.save(run, "example-runs/resunet-bundle", data=data, int8=real)
evaluation = tumorscope.evaluate("lgg", data, bundle)
print(evaluation)

# %%
tumorscope.plot(evaluation, "dice")

# %% [markdown]
# One test patient: MRI, true mask, predicted mask, and both on the MRI.

# %%
case = cases_of(open_dataset("lgg", data), run.split["test"])[0]
scan, mask = case.scan_and_mask()
tumorscope.plot(tumorscope.analyze(scan, bundle, input_check=False), truth=mask)
