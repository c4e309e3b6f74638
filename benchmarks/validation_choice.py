"""Which weights to ship: runs, their means with a bundle, and bundles, compared on validation cases alone.

    python benchmarks/validation_choice.py --bundle t1c --run RUN --average-with t1c --data figshare=FIGSHARE …
        [--split SPLIT.json] [--part validation]

For each it makes the choice of operating point that `tumorscope export` makes, and prints its score (mean Dice of the
cases with a mask plus a tenth of the balanced accuracy of presence, at the network's size), and for each data set what
that point does: tumors found, slices without tumor called positive, mean Dice of the cases with a tumor. The test part
stays unread. All candidates are run as float networks.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.data_folders import data_folders
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.registry import DATASET_NAMES, open_dataset
from tumorscope.datasets.split import Split
from tumorscope.evaluation.operating_point import Choice, ValidationCase, choose_operating_point
from tumorscope.evaluation.validation import validation_cases
from tumorscope.inference.bundle import save_card
from tumorscope.inference.bundles import Bundle, OperatingPoint, load_bundle
from tumorscope.inference.engine import load_engine
from tumorscope.inference.postprocessing import postprocess
from tumorscope.interface.evaluating import cases_of_part
from tumorscope.recipes.experiment import load_recipe
from tumorscope.training.copies import LEFT_OUT_FILE, read_left_out
from tumorscope.training.export import write_network
from tumorscope.training.run import Run, open_datasets

APART = load_recipe("slice").channels_as_images
"""Sequences that a network of single images sees one by one."""


@dataclass(frozen=True)
class Found:
    """What an operating point does on one data set.

    Attributes:
        found: fraction of the slices with tumor whose probability reaches the presence threshold; None without any.
        false_alarms: the same of the slices without one.
        dice: mean over the cases with a tumor in their mask, at the network's size; None without any.
    """

    found: float | None
    false_alarms: float | None
    dice: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", action="append", default=[], help="name or folder; may be repeated")
    parser.add_argument("--run", action="append", type=Path, default=[], help="folder of a training; may be repeated")
    parser.add_argument("--average-with", metavar="BUNDLE", help="also the mean of every run's weights and this one's")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="folder of a data set")
    parser.add_argument("--split", type=Path, help="the first run's or bundle's own if not given")
    parser.add_argument("--part", default="validation", help="of the split")
    given = parser.parse_args()
    folders = data_folders(given.data, DATASET_NAMES)
    with tempfile.TemporaryDirectory() as work:
        names = dict.fromkeys(given.bundle)
        bundles = {name: load_bundle(name) for name in names}
        bundles |= dict(_of_runs(given.run, given.average_with, folders, Path(work)))
        if not bundles:
            parser.error("name a --bundle or a --run")
        first = given.run[0] if given.run else next(iter(bundles.values())).folder
        parts = _cases(folders, Split.load(given.split or first / "split.json"), given.part, [*bundles.values()])
        parts = {name: _without_copies(cases, first) for name, cases in parts.items()}
        print(", ".join(f"{len(cases)} cases of {name}" for name, cases in parts.items()), flush=True)
        for name, bundle in bundles.items():
            choice, rows = examine(bundle, parts)
            print("\n".join(lines(name, choice, rows)), flush=True)


def _of_runs(
    runs: Sequence[Path], average_with: str | None, folders: dict[str, Path], work: Path
) -> Iterator[tuple[str, Bundle]]:
    """Float bundles of the runs' best weights, and of their means with a bundle."""
    others = [None] if average_with is None else [None, load_bundle(average_with)]
    for number, folder in enumerate(runs):
        run = Run(folder)
        dataset = open_datasets(run.recipe(), folders, run.patients)
        for other in others:
            place = work / f"{number}-{other is not None}"
            place.mkdir()
            card = write_network(run, dataset, place, "candidate", {}, other)
            yield f"{folder.name}{'' if other is None else f' and {average_with}'}", save_card(card, place)


def _cases(
    folders: dict[str, Path], split: Split, part: str, bundles: Sequence[Bundle]
) -> dict[str, list[LabeledCase]]:
    """A part's cases by data set, sequence by sequence where networks of single images are compared."""
    single = {len(bundle.card.inputs.sequences) == 1 for bundle in bundles}
    if len(single) > 1:
        raise TumorscopeError("compare networks of single images, or networks of several sequences, not both")
    opened = {
        name: CombinedDataset.join({name: open_dataset(name, folder)}, APART if single == {True} else {})
        for name, folder in folders.items()
    }
    return {name: cases_of_part(dataset, split, part) for name, dataset in opened.items()}


def _without_copies(cases: list[LabeledCase], folder: Path) -> list[LabeledCase]:
    """The cases that the training in a folder did not leave out."""
    file = folder / LEFT_OUT_FILE
    left_out = read_left_out(file) if file.exists() else {}
    return [case for case in cases if case.case not in left_out]


def examine(bundle: Bundle, parts: dict[str, list[LabeledCase]]) -> tuple[Choice, dict[str, Found]]:
    """The choice of operating point over all cases, and what the chosen point does on each data set."""
    engine = load_engine(bundle, "onnxruntime", "float")
    outputs = {name: list(validation_cases(engine, cases)) for name, cases in parts.items()}
    choice = choose_operating_point(
        [case for own in outputs.values() for case in own], compartments=bundle.card.compartments
    )
    return choice, {name: measure(own, choice.point) for name, own in outputs.items()}


def measure(cases: Sequence[ValidationCase], point: OperatingPoint) -> Found:
    """Detection by slice and Dice by case at one operating point."""
    probability = [case.slice_probability(point.temperature, point.type_temperature) for case in cases]
    present = np.concatenate([case.shows_tumor for case in cases])
    called = np.concatenate(probability) >= point.presence
    dice = []
    for case, own in zip(cases, probability, strict=True):
        if case.mask_probability is not None and case.truth is not None and case.truth.any():
            mask, _ = postprocess(case.mask_probability, own, point)
            dice.append(2 * np.count_nonzero(mask & case.truth) / (np.count_nonzero(mask) + case.truth.sum()))
    return Found(
        float(called[present].mean()) if present.any() else None,
        float(called[~present].mean()) if not present.all() else None,
        float(np.mean(dice)) if dice else None,
    )


def lines(name: str, choice: Choice, rows: dict[str, Found]) -> list[str]:
    """A table of one candidate."""
    point = choice.point
    head = f"{name}: score {choice.best.score:.4f}; presence {point.presence}, mask {point.mask}"
    table = [f"  {'':10} {'found':>8} {'false':>8} {'Dice':>8}"]
    for source, row in rows.items():
        cells = ("" if value is None else f"{value:.3f}" for value in (row.found, row.false_alarms, row.dice))
        table.append(f"  {source:10} " + " ".join(f"{cell:>8}" for cell in cells))
    return [head, *table]


if __name__ == "__main__":
    main()
