"""Evaluating a bundle on a part of a data set. Needs the extra ``train`` for the search for copies and the plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.errors import BadSplit
from tumorscope.core.extras import extras_named
from tumorscope.datasets.combined import CombinedDataset, notes_of
from tumorscope.datasets.data_folders import own_data_options
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset, cases_of, check_split
from tumorscope.datasets.own_options import PATIENTS_FILE
from tumorscope.datasets.registry import open_dataset
from tumorscope.datasets.split import Split
from tumorscope.inference.bundles import Bundle, load_bundle
from tumorscope.inference.engine import Engine, load_engine

if TYPE_CHECKING:
    from tumorscope.evaluation.rows import Evaluation

EVERY_PATIENT = "all"


@dataclass(frozen=True, eq=False)
class Evaluating:
    """What an evaluation is about to run on.

    Attributes:
        dataset: opened.
        split: the bundle's own or the given one; None for every patient.
        part: of the split.
        cases: of that part.
        engine: the loaded bundle.
        notes: what a user should know about the data that was found.
    """

    dataset: LabeledDataset
    split: Split | None
    part: str
    cases: Sequence[LabeledCase]
    engine: Engine
    notes: tuple[str, ...]


def evaluate(
    dataset: str,
    path: Path | str,
    bundle: Engine | Bundle | Path | str = "lgg",
    *,
    part: str = "test",
    split: Path | str | None = None,
    folder: Path | str | None = None,
    patients: Path | str | None = None,
    labels: str | None = None,
    flips: bool = False,
) -> Evaluation:
    """Evaluate a bundle on patients of a data set, as ``tumorscope evaluate`` does.

    Args:
        dataset: a data set's name, or ``own`` for your own data, whose layout is recognized.
        path: its folder.
        bundle: a shipped bundle's name, a bundle's folder, or a loaded bundle.
        part: of the split, or ``all`` for every patient.
        split: a split's file; the bundle's own by default.
        folder: where metrics, tables and plots are written; nothing is written by default.
        patients, labels: of your own data; by default as the bundle was trained.
        flips: average the network's outputs over left-right flips.

    Returns:
        One row per case and slice; ``metrics`` are computed of them with intervals by patient, and it prints as a table.

    Raises:
        TumorscopeError: the data, bundle or split do not fit, not one case could be evaluated, or ``folder`` is given
            and Matplotlib is not installed.
    """
    from tumorscope.evaluation import evaluate as run

    with extras_named():
        table = None if patients is None else Path(patients)
        prepared = prepare(dataset, Path(path), bundle, part=part, split=split, patients=table, labels=labels)
        evaluation = run(prepared.dataset, prepared.cases, prepared.engine, flips=flips)
        if folder is not None:
            write(prepared, evaluation, Path(folder), flips=flips)
    return evaluation


def prepare(
    dataset: str,
    path: Path,
    bundle: Engine | Bundle | Path | str,
    *,
    part: str,
    split: Path | str | None = None,
    channel: str | None = None,
    patients: Path | None = None,
    labels: str | None = None,
) -> Evaluating:
    """Open the data set and load the bundle.

    Args:
        channel: only this sequence of a data set of several.

    Raises:
        TumorscopeError: the data, bundle or split do not fit.
    """
    engine = bundle if isinstance(bundle, Engine) else _load(bundle)
    listed = engine.bundle.folder / PATIENTS_FILE
    known = patients or (listed if listed.exists() else None)
    own = own_data_options(known, labels or engine.bundle.card.training.get("labels"))
    opened = open_dataset(dataset, path, own)
    name, notes = opened.name, tuple(notes_of(opened))
    file = Path(split) if split else engine.bundle.folder / "split.json"
    chosen = None if part == EVERY_PATIENT else Split.load(file)
    if channel is not None:
        opened = CombinedDataset.join({name: opened}, {name: (channel,)})
    return Evaluating(opened, chosen, part, cases_of_part(opened, chosen, part), engine, notes)


def write(
    prepared: Evaluating,
    evaluation: Evaluation,
    folder: Path,
    *,
    channel: str | None = None,
    copies: bool = True,
    flips: bool = False,
) -> dict[str, Any]:
    """Write metrics, tables and plots.

    Args:
        copies: also compute the metrics without images and persons of the training set.

    Returns:
        As :func:`tumorscope.evaluation.evaluation_files.write_report`.
    """
    from tumorscope.evaluation.evaluation_files import write_report
    from tumorscope.evaluation.map_sanity import check_maps

    split, part, bundle = prepared.split, prepared.part, prepared.engine.bundle
    # A bundle of one's own is found by its folder, whose path on this machine is nobody else's.
    bundle_folder = None if bundle.is_shipped else bundle.folder.resolve().name
    named = bundle.name if bundle_folder is None else f"BUNDLES/{bundle_folder}"
    command = f"tumorscope evaluate {evaluation.dataset} PATH --bundle {named} --part {part}"
    return write_report(
        evaluation,
        folder,
        split_hash=None if split is None else split.hash,
        part=part,
        bundle_folder=bundle_folder,
        command=command + (f" --channel {channel}" if channel else "") + (" --flips" if flips else ""),
        copies=_copies(prepared, split, evaluation.dataset) if copies and split and part != "train" else None,
        sanity=check_maps(prepared.engine, prepared.cases),
    )


def cases_of_part(dataset: LabeledDataset, split: Split | None, part: str) -> list[LabeledCase]:
    """The cases of a part of a split, or all without one.

    A split of several data sets has their names as prefixes; patients of other data sets are skipped.

    Raises:
        BadSplit: it has no patients of this data set, or one patient in two parts.
    """
    if split is None:
        return list(dataset.cases)
    joint_split, joint_names = "+" in split.dataset, isinstance(dataset, CombinedDataset)
    prefix = f"{dataset.name}/"

    def own(names: Sequence[str]) -> tuple[str, ...]:
        if joint_split:
            names = [name for name in names if name.startswith(prefix)]
        if joint_split == joint_names:
            return tuple(names)
        return tuple(name.removeprefix(prefix) if joint_split else f"{prefix}{name}" for name in names)

    here = Split(dataset.name, {name: own(patients) for name, patients in split.parts.items()})
    if joint_split and not here[part]:
        raise BadSplit(f"the split's part {part!r} has no patients of {dataset.name}")
    check_split(dataset, here)
    return cases_of(dataset, here[part])


def _load(bundle: Bundle | Path | str) -> Engine:
    return load_engine(bundle if isinstance(bundle, Bundle) else load_bundle(bundle))


def _copies(prepared: Evaluating, split: Split, dataset: str) -> dict[str, str] | None:
    """Cases that are near-copies of training images, each with that image."""
    from tumorscope.training.copies import LEFT_OUT_FILE, read_left_out, seen_in_training

    left_out = prepared.engine.bundle.folder / LEFT_OUT_FILE
    known = read_left_out(left_out) if left_out.exists() else {}
    return seen_in_training(prepared.cases, cases_of_part(prepared.dataset, split, "train"), known, dataset)
