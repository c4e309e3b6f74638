"""Whether a network's features name the data set that a slice is from, where presence must not be told from that.

    python benchmarks/source_probe.py --bundle t1c [--bundle BEFORE …] --data figshare=FIGSHARE --data br35h=BR35H …
        [--split SPLIT.json] [--limit 300] [-o docs/source-probe.md]

Slices of every data set's test part, never of a patient that one of the bundles was trained on, go through the float
network. A logistic regression on the pooled features that the presence head reads names the data set, by itself for
slices without tumor and for slices with one, cross-validated by patient. Beside it stands presence's AUROC within each
data set, where the source helps nobody.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from head_features import FEATURES, feature_session
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tumorscope import __version__
from tumorscope.core.errors import BadSplit, TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.data_folders import data_folders
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset
from tumorscope.datasets.registry import DATASET_NAMES, open_dataset
from tumorscope.datasets.split import Split
from tumorscope.evaluation.compare_runs import unique_names
from tumorscope.evaluation.intervals import Interval, slice_interval
from tumorscope.evaluation.metrics import auroc
from tumorscope.inference.bundles import Bundle, load_bundle
from tumorscope.inference.channels import arrange_channels
from tumorscope.interface.evaluating import cases_of_part
from tumorscope.preprocessing import prepare, stack_adjacent_slices
from tumorscope.recipes.experiment import load_recipe

ROOT = Path(__file__).parents[1]
APART = load_recipe("slice").channels_as_images
"""Sequences that a network of single images sees one by one."""
SLICES_A_CASE = 4
"""So many slices with tumor, and as many without, at most: those of one patient resemble each other."""
_FOLDS = 5


@dataclass(frozen=True)
class Sample:
    """Slices of a case that go through the network.

    Attributes:
        source: the data set's name.
        case: whose slices they are.
        slices: their indices, ``(n,)``.
        present: boolean ``(n,)``, whether each shows a tumor.
    """

    source: str
    case: LabeledCase
    slices: np.ndarray
    present: np.ndarray


@dataclass(frozen=True, eq=False)
class Probed:
    """What a network made of the samples' slices, one row a slice.

    Attributes:
        features: ``(slice, feature)``, pooled, as the presence head reads them.
        logits: of presence, ``(slice,)``.
        present: boolean ``(slice,)``.
        source, patient: ``(slice,)``, names.
    """

    features: np.ndarray
    logits: np.ndarray
    present: np.ndarray
    source: np.ndarray
    patient: np.ndarray


@dataclass(frozen=True)
class NamedSource:
    """How well a probe names the source among slices of one kind.

    Attributes:
        accuracy: balanced over sources, None where fewer than two sources have such slices of two patients.
        interval: 95 %, by bootstrap over patients, the probe's predictions being kept.
        sources: between which it decides.
        slices: how many.
    """

    accuracy: float | None = None
    interval: Interval | None = None
    sources: tuple[str, ...] = ()
    slices: int = 0

    @property
    def chance(self) -> float:
        """The balanced accuracy of guessing."""
        return 1 / max(1, len(self.sources))


@dataclass(frozen=True)
class Table:
    """The results of one bundle; ``within`` has AUROC, interval and slices with and without tumor by source."""

    bundle: str
    without_tumor: NamedSource
    with_tumor: NamedSource
    within: dict[str, tuple[float, Interval | None, int, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", action="append", required=True, help="name or folder; repeat to compare")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="folder of a data set")
    parser.add_argument("--split", type=Path, help="names the test part; the last bundle's own if not given")
    parser.add_argument("--limit", type=int, default=300, help="slices of a data set, half of them with tumor")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "source-probe.md")
    given = parser.parse_args()
    loaded = [load_bundle(name) for name in given.bundle]
    bundles = dict(zip(unique_names([bundle.folder for bundle in loaded]), loaded, strict=True))
    split = Split.load(given.split or loaded[-1].folder / "split.json")
    single = all(len(bundle.card.inputs.sequences) == 1 for bundle in bundles.values())
    samples: list[Sample] = []
    for name, folder in data_folders(given.data, DATASET_NAMES).items():
        opened: LabeledDataset = open_dataset(name, folder)
        if single and name in APART:
            opened = CombinedDataset.join({name: opened}, APART)
        chosen = choose_slices(name, _unseen(opened, split, bundles.values()), given.limit // 2)
        print(f"{name}: {sum(len(one.slices) for one in chosen)} slices of {len(chosen)} cases", flush=True)
        samples += chosen
    tables = []
    for name, bundle in bundles.items():
        tables.append(examine(name, run_network(bundle, samples)))
        print("\n".join(page_lines(tables[-1:])), flush=True)
    save_whole(given.out, page(tables).encode())


def _unseen(dataset: LabeledDataset, split: Split, bundles: Iterable[Bundle]) -> list[LabeledCase]:
    """The cases of the test part whose patients no bundle was trained on or chosen with."""
    seen: set[str] = set()
    for bundle in bundles:
        own = Split.load(bundle.folder / "split.json")
        for part in ("train", "validation"):
            with suppress(BadSplit):  # it holds no patients of this data set
                seen |= {case.patient for case in cases_of_part(dataset, own, part)}
    return [case for case in cases_of_part(dataset, split, "test") if case.patient not in seen]


def choose_slices(source: str, cases: Sequence[LabeledCase], each: int) -> list[Sample]:
    """Slices with tumor and slices without, so many of each at most, of cases in random but repeatable order."""
    chance = np.random.default_rng(0)
    left = {True: each, False: each}
    samples = []
    for place in chance.permutation(len(cases)):
        if not any(left.values()):
            break
        case = cases[place]
        try:
            present = case.truth().present
            present = np.ones(case.scan().shape[0], bool) if present is None else np.asarray(present, bool)
        except TumorscopeError:
            continue
        picked: list[int] = []
        for kind in (True, False):
            own = chance.permutation(np.flatnonzero(present == kind))[: min(SLICES_A_CASE, left[kind])]
            left[kind] -= len(own)
            picked += own.tolist()
        if picked:
            slices = np.sort(np.array(picked))
            samples.append(Sample(source, case, slices, present[slices]))
    return samples


def run_network(bundle: Bundle, samples: Sequence[Sample]) -> Probed:
    """Features and presence logits of every sampled slice, by the float model; an unreadable case is passed over."""
    run, card = feature_session(bundle), bundle.card
    rows: dict[str, list[np.ndarray]] = {"features": [], "logits": [], "present": [], "source": [], "patient": []}
    for sample in samples:
        try:
            scan = sample.case.scan()
            voxels, _ = arrange_channels(scan, card)
        except TumorscopeError:
            continue
        images = prepare(voxels, card.preparation, scan.pixel_aspect).images
        outputs = run(stack_adjacent_slices(images, sample.slices, card.preparation.adjacent_slices))
        rows["features"].append(outputs[FEATURES].mean(axis=(2, 3)))
        rows["logits"].append(outputs["presence"])
        rows["present"].append(sample.present)
        rows["source"].append(np.full(len(sample.slices), sample.source))
        rows["patient"].append(np.full(len(sample.slices), f"{sample.source}/{sample.case.patient}"))
    return Probed(**{name: np.concatenate(values) for name, values in rows.items()})


def examine(name: str, probed: Probed) -> Table:
    """The probe among slices without tumor and with, and presence's AUROC within each source."""
    within = {}
    for source in np.unique(probed.source):
        own = probed.source == source
        present, logits = probed.present[own], probed.logits[own]
        if present.any() and not present.all():
            interval = slice_interval(
                probed.patient[own], lambda weights, present=present, logits=logits: auroc(present, logits, weights)
            )
            within[str(source)] = (float(auroc(present, logits)), interval, int(present.sum()), int((~present).sum()))
    without, with_tumor = (name_source(probed, probed.present == kind) for kind in (False, True))
    return Table(name, without, with_tumor, within)


def name_source(probed: Probed, chosen: np.ndarray) -> NamedSource:
    """Balanced accuracy of a logistic regression that names the source of the chosen slices."""
    patients_of = {
        name: np.unique(probed.patient[chosen & (probed.source == name)]) for name in np.unique(probed.source)
    }
    sources = tuple(str(name) for name, patients in patients_of.items() if len(patients) > 1)
    if len(sources) < 2:
        return NamedSource()
    chosen = chosen & np.isin(probed.source, sources)
    source, patient = probed.source[chosen], probed.patient[chosen]
    folds = min(_FOLDS, len(np.unique(patient)))
    predicted = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced")),
        probed.features[chosen],
        source,
        groups=patient,
        cv=StratifiedGroupKFold(folds, shuffle=True, random_state=0),
    )

    def balanced(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            recalls = [
                (weights @ ((source == name) & (predicted == name))) / (weights @ (source == name)) for name in sources
            ]
        return np.mean(recalls, axis=0)

    accuracy = float(balanced(np.ones((1, len(source))))[0])
    return NamedSource(accuracy, slice_interval(patient, balanced), sources, len(source))


def page(tables: Sequence[Table]) -> str:
    lines = [
        "# Can the source be told?",
        "",
        f"Made by `python benchmarks/source_probe.py` with version {__version__}, on slices of test parts whose patients",
        'no bundle here was trained on. A network that has learned "this source, so no tumor" must know the source',
        "among slices *without* tumor, and its AUROC *within* a source falls short of the one over all. The probe is a",
        "logistic regression on the pooled features that the presence head reads, cross-validated by patient; its",
        "balanced accuracy is to be compared with chance, and with the bundle before. Sequences, scanners and file",
        "formats differ between sources, so that the features of an unbiased network tell them apart, too, if less.",
        "Brackets hold 95 % intervals by bootstrap over patients.",
        "",
        *page_lines(tables),
    ]
    return "\n".join(lines).rstrip() + "\n"


def page_lines(tables: Sequence[Table]) -> list[str]:
    """Both tables, with a column for each bundle."""
    header = [f"| {' | '.join(('', *(f'`{table.bundle}`' for table in tables)))} |", f"|---|{'---|' * len(tables)}"]
    lines = ["Source named among slices", "", *header]
    for kind in ("without", "with"):
        found = [getattr(one, f"{kind}_tumor") for one in tables]
        chance = f"of {found[0].slices:,} {kind} tumor, {len(found[0].sources)} sources, chance {found[0].chance:.2f}"
        cells = ["" if one.accuracy is None else _value(one.accuracy, one.interval) for one in found]
        lines.append(f"| {chance} | {' | '.join(cells)} |")
    lines += ["", "Presence within a source, AUROC", "", *header]
    for source in dict.fromkeys(name for table in tables for name in table.within):
        counts = next(table.within[source][2:] for table in tables if source in table.within)
        cells = [_value(*table.within[source][:2]) if source in table.within else "" for table in tables]
        lines.append(f"| {source}, {counts[0]:,} slices with tumor and {counts[1]:,} without | {' | '.join(cells)} |")
    return [*lines, ""]


def _value(value: float, interval: Interval | None) -> str:
    return f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


if __name__ == "__main__":
    main()
