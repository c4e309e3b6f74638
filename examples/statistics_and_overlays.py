# %% [markdown]
# # What is in the data: statistics and overlays
#
# The notebooks for the LGG data set begin by counting slices with and without tumor and by drawing masks on the MRI.
# The data here are a few phantoms in the layout of LGG; set the environment variable `TUMORSCOPE_LGG` to the folder
# `kaggle_3m` to run on the real patients.

# %%
import tumorscope
from tumorscope.datasets.phantom import example_data
from tumorscope.datasets.preview import draw_preview
from tumorscope.datasets.registry import open_dataset
from tumorscope.datasets.summary import summarize_volumes

dataset = open_dataset("lgg", example_data("lgg", "example-data"))
summary = summarize_volumes(dataset)
print(f"{summary.slices_with_tumor} of {summary.slices} slices show a tumor, in {summary.patients} patients")

# %% [markdown]
# All tables: patients, sizes of tumors, institutions, missing sequences.

# %%
print(summary.markdown())

# %% [markdown]
# MRI, true mask, and the mask on FLAIR: for each patient the slice with the largest tumor, and one without.

# %%
draw_preview(dataset, count=3)

# %% [markdown]
# The shipped bundle on one patient, whose true mask is drawn in red and the predicted one in green. The analysis itself
# shows as a table with a thumbnail.

# %%
scan, mask = dataset.cases[0].scan_and_mask()
analysis = tumorscope.analyze(scan, "lgg")
tumorscope.plot(analysis, truth=mask)

# %%
analysis
