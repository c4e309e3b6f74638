# %% [markdown]
# # My own data
#
# A folder with `images/` and `masks/` of the same names is enough; a CSV table, nnU-Net's layout, a folder per case and
# a folder per class are recognized, too. Patients are taken from the names (`P0_1.png` is of patient `P0`), and are
# never split between training and test.
#
# Here phantoms take the place of your data; set `TUMORSCOPE_OWN` to your folder.

# %%
import os
from pathlib import Path

import tumorscope
from tumorscope.datasets.phantom import example_data
from tumorscope.datasets.registry import entry_at

data = example_data("own", "example-data")
entry = entry_at("own", data)
dataset = entry.open(data)
print(f"{entry.title}: {len(dataset.cases)} cases of {len({case.patient for case in dataset.cases})} patients")
entry.draw_preview(dataset, 3, 0)

# %% [markdown]
# A U-Net on three quarters of the patients. Any recipe can be trained on any data; `changes` sets its keys.

# %%
real = "TUMORSCOPE_OWN" in os.environ
optimization = ["optimization.batch_size=5", "optimization.learning_rate=0.004"]
small = ["preparation.size=64", "network.widths=[16,16,16,24,32,16]", *optimization]
quick = {} if real else {"changes": small, "epochs": 8}
run = tumorscope.train("figshare-unet", data, "example-runs/own", split="75/25", **quick)
tumorscope.plot(run)

# %% [markdown]
# The bundle holds the network, its operating point and its metrics. It analyzes any image, here or with
# `tumorscope analyze IMAGE --bundle example-runs/own-bundle`.

# %%
bundle = tumorscope.save(run, "example-runs/own-bundle", data=data, int8=real)
print(tumorscope.evaluate("own", data, bundle))

# %%
image = next(path for path in sorted(Path(data).rglob("*")) if path.parent.name == "images")
analysis = tumorscope.analyze(image, bundle, input_check=False)
print("Files:", tumorscope.save(analysis, "example-runs/analyzed"))
analysis
