"""The page on scans from elsewhere: parts of every data set that no training saw, as they are and changed.

    python benchmarks/external.py --data lgg=LGG --data br35h=BR35H … [--limit 150] [--volumes 8] [-o docs/external.md]

For each shipped bundle and each data set it can take, the part that the bundle's split keeps for testing is analyzed
through the engine that users run: presence, masks and types with 95 % intervals, the share that the input check refuses,
and a consistency table on at most ``--limit`` of the images or ``--volumes`` of the volumes. A data set whose
folder is not given is left out and named.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope import __version__
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.data_folders import data_folders
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.registry import open_dataset
from tumorscope.datasets.split import Split
from tumorscope.evaluation import evaluate
from tumorscope.evaluation.consistency import CHANGES, compare_changes, summarize_changes
from tumorscope.evaluation.metric_summary import summarize
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.interface.evaluating import cases_of_part
from tumorscope.preprocessing.axial import axial_view
from tumorscope.preprocessing.input_check import default_input_check, scan_score

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Target:
    """A bundle on a data set.

    Attributes:
        bundle, dataset: their names.
        channel: of several sequences, the only one shown.
        consistency: whether the changed scans are analyzed, too.
    """

    bundle: str
    dataset: str
    channel: str | None = None
    consistency: bool = False


TARGETS = (
    Target("t1c", "figshare"),
    Target("t1c", "kaggle4", consistency=True),
    Target("t1c", "brisc", consistency=True),
    Target("t1c", "br35h", consistency=True),
    Target("t1c", "lgg", "flair"),
    Target("t1c", "brats", "t1c"),
    Target("t1c", "brats", "t2"),
    Target("lgg", "lgg", consistency=True),
    Target("lgg", "brats", consistency=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="folder of a data set")
    parser.add_argument("--limit", type=int, default=150, help="images of a consistency table")
    parser.add_argument("--volumes", type=int, default=8, help="volumes of a consistency table")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "external.md")
    arguments = parser.parse_args()
    folders = data_folders(arguments.data, sorted({target.dataset for target in TARGETS}))
    rows, tables, missing = [], [], []
    for target in TARGETS:
        if target.dataset not in folders:
            missing.append(target.dataset)
            continue
        engine = load_engine(load_bundle(target.bundle), "onnxruntime", "float")
        opened = open_dataset(target.dataset, folders[target.dataset])
        if target.channel is not None:
            opened = CombinedDataset.join({target.dataset: opened}, {target.dataset: (target.channel,)})
        split = Split.load(engine.bundle.folder / "split.json")
        cases = cases_of_part(opened, split, "test")
        rows.append(_row(target, summarize(evaluate(opened, cases, engine)), _refused(cases)))
        print(rows[-1])
        if target.consistency:
            limit = arguments.volumes if target.bundle == "lgg" else arguments.limit
            tables.append(_consistency(target, cases, engine, limit))
            print(tables[-1])
    limits = f"--limit {arguments.limit} --volumes {arguments.volumes} --data …"
    save_whole(arguments.out, _page(rows, tables, missing, limits).encode())


def _row(target: Target, metrics: dict[str, Any], refused: tuple[int, int]) -> str:
    presence, classes = metrics["presence"], metrics["classes"] or {}
    dice = metrics["patient_dice"] or metrics["tumor_slice_dice"] or {}
    which = target.dataset + (f", {target.channel}" if target.channel else "")
    cells = [
        target.bundle,
        which,
        f"{metrics['patients']:,}",
        f"{metrics['slices']:,}",
        _value(presence.get("sensitivity")),
        _value(presence.get("specificity")),
        _value(presence.get("auroc")),
        _value(dice, "mean"),
        "" if dice.get("median") is None else f"{dice['median']:.3f}",
        _value(metrics["empty_slice_false_positive_rate"]),
        _value(classes.get("accuracy")),
        f"{refused[0]} of {refused[1]}",
    ]
    return f"| {' | '.join(cells)} |"


def _value(metric: dict[str, Any] | None, key: str = "value") -> str:
    if not metric or metric.get(key) is None:
        return ""
    low_high = metric.get("ci95")
    interval = f" ({low_high[0]:.3f} to {low_high[1]:.3f})" if low_high else ""
    return f"{metric[key]:.3f}{interval}"


def _refused(cases: list[LabeledCase]) -> tuple[int, int]:
    """How many of how many scans the input check refuses."""
    refused = read = 0
    for case in cases:
        try:
            scan = case.scan()
        except TumorscopeError:
            continue
        view = axial_view(scan.shape, scan.affine)
        read += 1
        score = scan_score(view.forward(scan.voxels), default_input_check(), view.pixel_aspect)
        refused += score < default_input_check().refusal
    return refused, read


def _consistency(target: Target, cases: list[LabeledCase], engine: Engine, limit: int) -> str:
    chosen = [cases[index] for index in np.unique(np.linspace(0, len(cases) - 1, limit).astype(int))]
    lines = [
        f"### `{target.bundle}` on {target.dataset}, {len(chosen)} cases",
        "",
        "| change | still found | Dice before-after | Dice with truth: before | after | false alarms: before | after "
        "| refused |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in summarize_changes(compare_changes(chosen, engine, CHANGES)):
        values = (
            row.still_found,
            row.agreement,
            row.dice_before,
            row.dice,
            row.false_alarms_before,
            row.false_alarms,
            row.refused,
        )
        cells = ("" if value is None else f"{value:.3f}" for value in values)
        lines.append(f"| {row.change} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _page(rows: list[str], tables: list[str], missing: list[str], limits: str) -> str:
    lines = [
        "# Scans from elsewhere",
        "",
        f"Made by `python benchmarks/external.py {limits}` with version {__version__}; no training saw the cases, nor copies of",
        "them, and no choice was made on them. Brackets hold 95 % intervals by bootstrap over patients, or over images",
        "where patients are not known. Sensitivity and specificity are per slice at the bundle's operating point.",
        "What the columns mean in detail: [training.md](training.md). Some of kaggle4's images without a tumor",
        "[show a lesion](training.md#what-is-done-about-the-datas-traps), so that its specificity is understated.",
        "",
        "| bundle | data | patients | slices | sensitivity | specificity | AUROC | Dice, mean | median | empty slices "
        "with a mask | class accuracy | refused |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        *([f"Not measured, for want of the data: {', '.join(dict.fromkeys(missing))}.", ""] if missing else []),
        "## Consistency",
        "",
        "The same cases analyzed as they are and after a change that leaves the tumor where it is, or moves it in a",
        "known way. *Still found*: of the tumors found before, those found after, and not refused. *Dice before-after*:",
        "between the two masks.",
        "",
        *(line for table in tables for line in (table, "")),
    ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
