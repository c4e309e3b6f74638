# %% [markdown]
# # Is there a tumor? ResNet-50 and transfer learning
#
# A ResNet-50 with weights from ImageNet learns whether a slice shows a tumor. Two things differ from most notebooks
# about it: patients, not slices, are split into training, validation and test, since neighboring slices are nearly the
# same image; and the operating point is chosen on validation patients.
#
# On phantoms, which take the place of real data here, the network is tiny in input and epochs, and starts without the
# ImageNet weights, which would have to be downloaded. With `TUMORSCOPE_LGG` set to the folder `kaggle_3m` it is trained
# in full.

# %%
import os

import tumorscope
from tumorscope.datasets.phantom import example_data

data = example_data("lgg", "example-data")
real = "TUMORSCOPE_LGG" in os.environ
quick = {} if real else {"changes": ["preparation.size=64"], "epochs": 1, "weights": "none"}
run = tumorscope.train("lgg-resnet50", data, "example-runs/resnet50", **quick)
print(f"best validation score {run.summary['best_score']:.3f}, patients to test on: {', '.join(run.split['test'])}")

# %% [markdown]
# Loss, validation metrics and the learning rate, which falls when validation stops improving.

# %%
tumorscope.plot(run)

# %% [markdown]
# As a bundle the network runs without PyTorch, and is evaluated on the test patients exactly as it is used. Intervals
# are by bootstrap over patients. (One epoch on phantoms teaches it nothing: do not read anything into these values.)

# %%
bundle = tumorscope.save(run, "example-runs/resnet50-bundle", data=data, int8=real)
evaluation = tumorscope.evaluate("lgg", data, bundle)
print(evaluation)

# %%
tumorscope.plot(evaluation, "roc")
