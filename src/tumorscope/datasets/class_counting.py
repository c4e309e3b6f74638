"""Counting what a data set of classes holds; the result is a :class:`ClassSummary`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.datasets.br35h import Br35hDataset
from tumorscope.datasets.brisc import BriscDataset, plane_of
from tumorscope.datasets.class_summary import ClassSummary
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.folders import ClassImage, FolderDataset
from tumorscope.datasets.images import AnnotatedImage
from tumorscope.datasets.summary import Spread
from tumorscope.io.checks import SMALLEST_SIDE, label
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.matlab import read_cjdata
from tumorscope.io.raster import MAX_PIXELS, read_raster

_BITS = {"1": 1, "I": 32, "F": 32}
"""Of one pixel and channel, by Pillow's mode; 8 in most others."""
_TAIL = 1 << 16
_END_OF_JPEG = b"\xff\xd9"


def summarize_figshare(dataset: FigshareDataset, on_case: Callable[[str], object] = lambda case: None) -> ClassSummary:
    """Read every slice once and count.

    Slices that cannot be read are named under ``unreadable`` and not counted.

    Args:
        dataset: the data set.
        on_case: called with each slice just read, for a progress bar.

    Raises:
        BadDataset: not one slice can be read.
    """
    unreadable = dict(dataset.unreadable)
    seen: list[_Seen] = []
    patients: dict[str, Counter[str]] = defaultdict(Counter)
    fold_patients: dict[str, set[tuple[str, str]]] = defaultdict(set)
    areas: dict[str, list[int]] = defaultdict(list)
    persons: dict[str, dict[str, str]] = defaultdict(dict)
    darkest, brightest = [], []
    for case in dataset.cases:
        try:
            data = read_cjdata(case.path)
        except UnreadableScan as error:
            unreadable[case.path.name] = str(error)
            continue
        finally:
            on_case(case.case)
        fold = "" if case.fold is None else f"fold {case.fold - 1}"
        rows, columns = data.image.shape
        seen.append(_Seen(case.tumor_type, fold, f"{rows}×{columns}", "gray", 8 * data.image.dtype.itemsize))
        patients[case.tumor_type][case.patient] += 1
        fold_patients[fold].add((case.patient, case.tumor_type))
        areas[case.tumor_type].append(int(data.mask.sum()))
        darkest.append(int(data.image.min()))
        brightest.append(int(data.image.max()))
        persons[case.person][case.patient] = fold
    classes = _present(dataset.classes, seen, dataset.root, unreadable)
    by_fold = {fold: Counter(kind for _, kind in found) for fold, found in sorted(fold_patients.items()) if fold}
    return ClassSummary(
        dataset=dataset.name,
        root=dataset.root,
        **_counted(seen, classes),
        patients={kind: len(patients[kind]) for kind in classes},
        groups=None,
        planes=None,
        masks={kind: len(areas[kind]) for kind in classes},
        patients_in_parts={fold: _ordered(found, classes) for fold, found in by_fold.items()},
        slices_per_patient=_spreads({kind: list(found.values()) for kind, found in patients.items()}, classes),
        darkest=Spread.of(darkest),
        brightest=Spread.of(brightest),
        tumor_px=_spreads(areas, classes),
        persons={person: codes for person, codes in sorted(persons.items()) if len(codes) > 1},
        unreadable=unreadable,
        license=dataset.license,
    )


def summarize_images(
    dataset: FolderDataset | Br35hDataset | BriscDataset, on_case: Callable[[str], object] = lambda case: None
) -> ClassSummary:
    """Read every image's header and count; only images with a mask are decoded, to measure the tumor.

    Files that are not images, too large, too small or cut short, and those whose mask does not fit, are named under
    ``unreadable`` and not counted.

    Args:
        dataset: of single images.
        on_case: called with each image just looked at, for a progress bar.

    Raises:
        BadDataset: not one image can be read.
    """
    unreadable: dict[str, str] = {}
    seen: list[_Seen] = []
    areas: dict[str, list[int]] = defaultdict(list)
    groups: dict[str, set[str]] = defaultdict(set)
    with quiet_libraries():
        for case in dataset.cases:
            try:
                found, area = _look(case), _tumor_area(case)
            except UnreadableScan as error:
                unreadable[case.case] = str(error)
            else:
                seen.append(found)
                groups[found.kind].add(case.patient)
                if area is not None:
                    areas[found.kind].append(area)
            finally:
                on_case(case.case)
    classes = _present(dataset.classes or sorted(groups), seen, dataset.root, unreadable)
    grouped = {kind: len(groups[kind]) for kind in classes}
    planes = _crossed([one.plane for one in seen], [one.kind for one in seen], classes, drop="")
    return ClassSummary(
        dataset=dataset.name,
        root=dataset.root,
        **_counted(seen, classes),
        patients=None,
        groups=grouped if sum(grouped.values()) < len(seen) else None,
        planes=planes or None,
        masks={kind: len(areas[kind]) for kind in classes} if areas else None,
        patients_in_parts=None,
        slices_per_patient=None,
        darkest=None,
        brightest=None,
        tumor_px=_spreads(areas, classes) if areas else None,
        persons=None,
        unreadable=unreadable,
        license=dataset.license,
    )


@dataclass(frozen=True)
class _Seen:
    """One image, as far as the counts go."""

    kind: str
    part: str
    size: str
    mode: str
    bits: int
    plane: str = ""


def _tumor_area(case: ClassImage | AnnotatedImage) -> int | None:
    """Pixels of the published mask; None where there is none."""
    if not isinstance(case, AnnotatedImage) or case.mask is None:
        return None
    mask = case.truth().mask
    return None if mask is None else int(mask.sum())


def _look(case: ClassImage | AnnotatedImage) -> _Seen:
    stored = _stored(case.path)
    if isinstance(case, AnnotatedImage):
        plane = plane_of(case)
        return _Seen(case.kind, case.side, *stored, plane="" if plane == "unknown" else plane)
    return _Seen(case.tumor_class, case.case.split("/")[0] if case.case.count("/") > 1 else "", *stored)


def _stored(path: Path) -> tuple[str, str, int]:
    """Size, color mode and bits by the header; where Pillow does not know it, by the reader that training uses."""
    from PIL import Image

    name = label(path)
    try:
        with Image.open(path) as image:
            width, height, mode, kind = image.width, image.height, image.mode, image.format
            is_deep = ";16" in str(image.tile)  # Pillow calls a color image of 16 bits RGB too
    except Exception:  # damaged, a bomb, or a TIFF that only tifffile knows
        pixels = read_raster(path)
        height, width = pixels.shape[-3:-1]
        return f"{height}×{width}", _mode(pixels.shape[-1]), 8 * pixels.itemsize
    if width * height > MAX_PIXELS:
        read_raster(path)  # which says so
    if min(width, height) < SMALLEST_SIDE:
        raise UnreadableScan(f"{name}: {height}×{width} pixels are too few to show a brain")
    if kind == "JPEG" and _END_OF_JPEG not in _tail(path):
        raise UnreadableScan(f"{name}: the JPEG ends in its middle; copy or download it again")
    return f"{height}×{width}", _mode(mode), 16 if is_deep else _BITS.get(mode, 8)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read()


def _mode(stored: str | int) -> str:
    if stored in (1, "1", "L", "I", "F") or str(stored).startswith("I;16"):
        return "gray"
    return {3: "RGB", "P": "palette", "PA": "palette", "LA": "gray with alpha"}.get(stored, str(stored))


def _present(
    wanted: Iterable[str], seen: Sequence[_Seen], root: Path, unreadable: Mapping[str, str]
) -> tuple[str, ...]:
    """The classes of which there is a image."""
    if not seen:
        raise BadDataset(f"{root}: not one image can be read; the first: {next(iter(unreadable.values()))}")
    found = {one.kind for one in seen}
    return tuple(kind for kind in wanted if kind in found)


def _counted(seen: Sequence[_Seen], classes: tuple[str, ...]) -> dict[str, Any]:
    """What is counted alike for all data sets."""
    kinds = [one.kind for one in seen]
    return {
        "images": _ordered(Counter(kinds), classes),
        "parts": dict(sorted(_crossed((one.part for one in seen), kinds, classes, drop="").items())),
        "sizes": _crossed((one.size for one in seen), kinds, classes),
        "modes": _crossed((one.mode for one in seen), kinds, classes),
        "bits": {str(bits): count for bits, count in Counter(one.bits for one in seen).most_common()},
        "guessed": {
            "nothing": _guessed(["" for _ in seen], kinds),
            "color mode": _guessed([one.mode for one in seen], kinds),
            "image size": _guessed([one.size for one in seen], kinds),
        },
    }


def _crossed(
    values: Iterable[str], kinds: Sequence[str], classes: tuple[str, ...], drop: str | None = None
) -> dict[str, dict[str, int]]:
    """For each value, the commonest first, how many images of each class have it."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for value, kind in zip(values, kinds, strict=True):
        if value != drop:
            found[value][kind] += 1
    common = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    return {value: _ordered(counts, classes) for value, counts in common}


def _guessed(values: Sequence[str], kinds: Sequence[str]) -> float:
    """Share of images whose class is the commonest among the other images of the same value.

    Where no other has it, the commonest class of all others is guessed; of equally common
    ones each is as likely.
    """
    overall = Counter(kinds)
    by_value: dict[str, Counter[str]] = defaultdict(Counter)
    for value, kind in zip(values, kinds, strict=True):
        by_value[value][kind] += 1
    right = 0.0
    for counts in by_value.values():
        for kind, count in counts.items():
            others = (counts if counts.total() > 1 else overall) - Counter({kind: 1})
            most = max(others.values(), default=0)
            best = [name for name, number in others.items() if number == most]
            right += count * (kind in best) / max(1, len(best))
    return right / len(kinds)


def _ordered(counts: Mapping[str, int], classes: tuple[str, ...]) -> dict[str, int]:
    return {kind: counts.get(kind, 0) for kind in classes}


def _spreads(values: Mapping[str, list[int]], classes: tuple[str, ...]) -> dict[str, Spread]:
    found = {kind: Spread.of(values.get(kind, [])) for kind in classes}
    return {kind: spread for kind, spread in found.items() if spread}
