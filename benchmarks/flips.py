"""What test-time flips cost and gain, measured on validation patients and written into a bundle's card.

    python benchmarks/flips.py --bundle lgg --data lgg=LGG [--data brats=BRATS …] [--limit 3] [--write]

Only a bundle that was exported before cards held it needs this: `tumorscope export` measures it, too.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from tumorscope.datasets.data_folders import data_folders
from tumorscope.datasets.registry import DATASET_NAMES, open_dataset
from tumorscope.datasets.split import Split
from tumorscope.evaluation.flip_gain import measure_flips
from tumorscope.inference.bundle import save_card
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import load_engine
from tumorscope.interface.evaluating import cases_of_part

PART = "validation"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", required=True, help="a shipped bundle's name, or a bundle's folder")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="folder of a data set")
    parser.add_argument("--limit", type=int, help="so many cases of each data set, spread over the part")
    parser.add_argument("--write", action="store_true", help="write the result into the bundle's card")
    given = parser.parse_args()
    bundle = load_bundle(given.bundle)
    engine = load_engine(bundle, "onnxruntime", bundle.card.models[-1].precision)
    split = Split.load(bundle.folder / "split.json")
    groups = []
    for name, folder in data_folders(given.data, DATASET_NAMES).items():
        opened = open_dataset(name, folder)
        cases = cases_of_part(opened, split, PART)
        if given.limit is not None:
            cases = [cases[place] for place in np.unique(np.linspace(0, len(cases) - 1, given.limit).astype(int))]
        groups.append((opened, cases))
    found = measure_flips(engine, groups, PART)
    print(json.dumps(found, indent=1))
    if given.write:
        save_card(bundle.card.model_copy(update={"test_time_flips": found}), bundle.folder)


if __name__ == "__main__":
    main()
