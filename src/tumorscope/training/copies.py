"""Exclusion of copies of validation and test images from the training."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from tumorscope.core.errors import TumorscopeError, UnreadableScan
from tumorscope.core.files import save_whole
from tumorscope.datasets.combined import CombinedCase
from tumorscope.datasets.duplicates import Fingerprints, fingerprint_arrays, originals
from tumorscope.datasets.labeled import ImageCase, LabeledCase

LEFT_OUT_FILE = "left_out.csv"
_COLUMNS = ("case", "copy_of")


def leave_out(
    parts: Mapping[str, Sequence[LabeledCase]],
    folder: Path,
    *,
    copies: bool,
    listed: Mapping[str, str] | None = None,
    resumed: bool = False,
) -> dict[str, list[LabeledCase]]:
    """The parts of a split without images that would leak from training into the evaluation.

    Listed cases and copies of test images are removed from training and validation. If an image is in both training
    and validation, the copy without a known patient is removed, and of two such copies the
    one in validation. Images are compared once; ``left_out.csv`` lists what was removed, and a resumed training reads it.

    Args:
        parts: cases by ``train``, ``validation`` and ``test``.
        folder: the run's folder.
        copies: whether to look for copies.
        listed: cases to leave out, each with the reason.
        resumed: whether the run's folder contains a training that has begun.

    Raises:
        TumorscopeError: the training to resume already uses a listed case.
    """
    path = folder / LEFT_OUT_FILE
    wanted = _used(parts, listed or {})
    if resumed or path.exists():
        check_left_out(parts, folder, wanted)
    left_out = read_left_out(path) if path.exists() else {}
    if not path.exists():
        left_out = {**wanted, **(find_copies(_kept(parts, wanted)) if copies else {})}
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(sorted(left_out.items()))
        save_whole(path, text.getvalue().encode())
    kept = _kept(parts, left_out)
    for part, cases in parts.items():
        print(f"{part}: {len(cases) - len(kept[part])} cases left out", file=sys.stderr)
    return kept


def check_left_out(parts: Mapping[str, Sequence[LabeledCase]], folder: Path, listed: Mapping[str, str]) -> None:
    """Check that a training that has begun uses none of the listed cases.

    Args:
        parts, folder, listed: as for :func:`leave_out`.

    Raises:
        TumorscopeError: it uses one.
    """
    path = folder / LEFT_OUT_FILE
    trained = sorted(_used(parts, listed).keys() - (read_left_out(path) if path.exists() else {}).keys())
    if trained:
        raise TumorscopeError(
            f"{folder}: contains a training that began with {trained[0]}, which is to be left out; name another folder"
        )


def _used(parts: Mapping[str, Sequence[LabeledCase]], listed: Mapping[str, str]) -> dict[str, str]:
    """The listed cases that training or validation would see."""
    used = {case.case for part in ("train", "validation") for case in parts[part]}
    return {name: reason for name, reason in listed.items() if name in used}


def _kept(parts: Mapping[str, Sequence[LabeledCase]], left_out: Mapping[str, str]) -> dict[str, list[LabeledCase]]:
    return {part: [case for case in cases if case.case not in left_out] for part, cases in parts.items()}


def read_left_out(path: Path) -> dict[str, str]:
    """Read what :func:`leave_out` wrote: each case that was left out, and what it copies or which file lists it."""
    with path.open(newline="") as file:
        return {row["case"]: row["copy_of"] for row in csv.DictReader(file)}


def find_copies(parts: Mapping[str, Sequence[LabeledCase]]) -> dict[str, str]:
    """For each case to be left out, the case that it copies; see :func:`leave_out`."""
    prints = {part: _fingerprints(cases, part) for part, cases in parts.items()}
    known = {case.case for cases in parts.values() for case in cases if _patient_known(case)}
    train, validation, test = prints["train"], prints["validation"], prints["test"]
    left_out = {**_copied(train, test), **_copied(validation, test)}
    own = validation.take([index for index, name in enumerate(validation.names) if name in known])
    left_out |= _copied(_without(train, left_out), own)
    others = validation.take([index for index, name in enumerate(validation.names) if name not in known])
    return left_out | _copied(_without(others, left_out), _without(train, left_out))


def copies_of(cases: Sequence[LabeledCase], among: Sequence[LabeledCase]) -> dict[str, str]:
    """For each case that is a near-copy of a case in another set, that other case.

    Args:
        cases: single images; others cannot be compared and are skipped.
        among: the other set, the training images for example.
    """
    return _copied(_fingerprints(cases, "evaluated"), _fingerprints(among, "trained"))


def seen_in_training(
    cases: Sequence[LabeledCase], trained: Sequence[LabeledCase], left_out: Mapping[str, str], dataset: str
) -> dict[str, str] | None:
    """Evaluated cases that are near-copies of training images, or show a person who trained under another patient code.

    Args:
        cases: the evaluated cases.
        trained: the split's training part.
        left_out: from :func:`read_left_out`, images that were left out of the training; a training
            on several data sets prefixes their names with the data set's.
        dataset: the data set's name.

    Returns:
        For each such case, the training case; None if no case is a single image, as only those are compared.
    """
    if not any(_is_image(case) for case in cases):
        return None
    kept = [case for case in trained if not {case.case, f"{dataset}/{case.case}"} & left_out.keys()]
    persons = {person: case.case for case in kept if (person := _person(case))}
    known = {case.case: persons[person] for case in cases if (person := _person(case)) in persons}
    return {**copies_of(cases, kept), **known}


def _copied(images: Fingerprints, of: Fingerprints) -> dict[str, str]:
    if not len(images) or not len(of):
        return {}
    indices = originals(of, images).tolist()
    return {images.names[copy]: of.names[original] for copy, original in enumerate(indices) if original >= 0}


def _without(prints: Fingerprints, names: Mapping[str, str]) -> Fingerprints:
    return prints.take([index for index, name in enumerate(prints.names) if name not in names])


def _fingerprints(cases: Sequence[LabeledCase], title: str) -> Fingerprints:
    parts = []
    for case in tqdm([case for case in cases if _is_image(case)], f"comparing {title}", leave=False, disable=None):
        try:
            parts.append(fingerprint_arrays([case.scan().voxels[0, ..., 0]], [case.case]))
        except UnreadableScan:
            continue  # reported when the slices are loaded
    return Fingerprints.join(parts) if parts else fingerprint_arrays([], [])


def _is_image(case: LabeledCase) -> bool:
    return isinstance(_inner(case), ImageCase)


def _person(case: LabeledCase) -> str | None:
    """The person shown by a single image, if the publisher identifies patients."""
    image = _inner(case)
    return image.person if isinstance(image, ImageCase) else None


def _patient_known(case: LabeledCase) -> bool:
    return not _is_image(case) or _person(case) is not None


def _inner(case: LabeledCase) -> LabeledCase:
    return case.inner if isinstance(case, CombinedCase) else case
