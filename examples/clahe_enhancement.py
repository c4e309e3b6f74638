# %% [markdown]
# # Does CLAHE help?
#
# Contrast-limited adaptive histogram equalization makes tumors easier to see. Whether a network gains from it is a
# question that two trainings answer, which differ in nothing else: in the recipe it is one key, `preparation.clahe`,
# and the bundle carries it, so that every scan is prepared as in training.

# %%
import os

import matplotlib.pyplot as plt

import tumorscope
from tumorscope.datasets.phantom import example_data
from tumorscope.datasets.registry import open_dataset
from tumorscope.preprocessing import Preparation, prepare

data = example_data("lgg", "example-data")
scan, mask = open_dataset("lgg", data).cases[0].scan_and_mask()
widest = mask.sum(axis=(1, 2)).argmax()
figure, panels = plt.subplots(1, 2, figsize=(8, 4))
for axes, clahe in zip(panels, (False, True), strict=True):
    axes.imshow(prepare(scan.voxels, Preparation(size=96, clahe=clahe)).images[widest, 1], cmap="gray")
    axes.set(title="FLAIR with CLAHE" if clahe else "FLAIR as it is", xticks=[], yticks=[])

# %% [markdown]
# The same network with and without, on the same patients. On phantoms this shows how it is done, not what comes out; set
# `TUMORSCOPE_LGG` for that.

# %%
real = "TUMORSCOPE_LGG" in os.environ
optimization = ["optimization.batch_size=6", "optimization.learning_rate=0.004"]
small = ["preparation.size=64", "network.widths=[16,16,24]", *optimization]
bundles = {}
for clahe in ("false", "true"):
    changes = [f"preparation.clahe={clahe}", *([] if real else small)]
    folder = f"example-runs/clahe-{clahe}"
    run = tumorscope.train("lgg-resunet", data, folder, changes=changes, epochs=None if real else 6)
    bundles[clahe] = tumorscope.save(run, f"{folder}-bundle", data=data, int8=False)

# %% [markdown]
# Both on the same test patients. If one interval contains the other's value, this data does not tell which is better.

# %%
for clahe, bundle in bundles.items():
    print(f"CLAHE {clahe}:", tumorscope.evaluate("lgg", data, bundle), sep="\n")
