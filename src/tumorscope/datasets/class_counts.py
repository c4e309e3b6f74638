"""Counting what a data set of single images contains; the result is a :class:`ClassSummary`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.datasets.class_summary import ClassSummary
from tumorscope.datasets.labeled import ImageCase, ImageDataset
from tumorscope.datasets.summary import Spread
from tumorscope.io.checks import SMALLEST_SIDE
from tumorscope.io.checks import label as file_label
from tumorscope.io.library_warnings import quiet_libraries
from tumorscope.io.raster import MAX_PIXELS, read_raster

_BITS = {"1": 1, "I": 32, "F": 32}
"""Bits of one pixel and channel by Pillow's mode; 8 for the modes that are not listed."""
_TAIL = 1 << 16
_END_OF_JPEG = b"\xff\xd9"


def summarize_images(dataset: ImageDataset, on_case: Callable[[str], object] = lambda case: None) -> ClassSummary:
    """Read every image's header and count; only images with a mask are decoded, to measure the tumor.

    Files that are not images, are too large, too small or truncated, and those whose mask does not fit, are named
    under ``unreadable`` and not counted.

    Args:
        dataset: of single images.
        on_case: called with the name of each image after reading it, for a progress bar.

    Raises:
        BadDataset: not one image can be read.
    """
    unreadable: dict[str, str] = {}
    images: list[ImageFacts] = []
    areas: dict[str, list[int]] = defaultdict(list)
    groups: dict[str, set[str]] = defaultdict(set)
    with quiet_libraries():
        for case in dataset.cases:
            try:
                facts, area = _read_facts(case), _tumor_area(case)
            except UnreadableScan as error:
                unreadable[case.case] = str(error)
            else:
                images.append(facts)
                groups[facts.label].add(case.patient)
                if area is not None:
                    areas[facts.label].append(area)
            finally:
                on_case(case.case)
    classes = nonempty_classes(dataset.classes or sorted(groups), images, dataset.root, unreadable)
    grouped = {label: len(groups[label]) for label in classes}
    group_count = len(set().union(*groups.values()))
    labels = [image.label for image in images]
    planes = _cross_tabulate((image.plane for image in images), labels, classes, drop="")
    return ClassSummary(
        dataset=dataset.name,
        root=dataset.root,
        **count_images(images, classes),
        patients=None,
        groups=grouped if group_count < len(images) else None,
        group_count=group_count if group_count < len(images) else None,
        planes=planes or None,
        masks={label: len(areas[label]) for label in classes} if areas else None,
        patients_in_parts=None,
        slices_per_patient=None,
        darkest=None,
        brightest=None,
        tumor_px=spreads(areas, classes) if areas else None,
        persons=None,
        unreadable=unreadable,
        license=dataset.license,
    )


@dataclass(frozen=True)
class ImageFacts:
    """What is counted of one image.

    Attributes:
        label: the class.
        part: the published part; empty if there is none.
        size: ``rows×columns``.
        mode: how colors are stored, ``gray`` or ``RGB`` for example.
        bits: of one pixel and channel.
        plane: empty if unknown.
    """

    label: str
    part: str
    size: str
    mode: str
    bits: int
    plane: str = ""


def _tumor_area(case: ImageCase) -> int | None:
    """Pixels of the published mask; None if there is none."""
    mask = case.truth().mask if case.has_mask else None
    return None if mask is None else int(mask.sum())


def _read_facts(case: ImageCase) -> ImageFacts:
    return ImageFacts(case.label, case.part, *_stored(case.path), plane=case.plane)


def _stored(path: Path) -> tuple[str, str, int]:
    """Size, color mode and bits from the header, or from the pixels if Pillow cannot read the header."""
    from PIL import Image

    name = file_label(path)
    try:
        with Image.open(path) as image:
            width, height, mode, file_format = image.width, image.height, image.mode, image.format
            is_deep = ";16" in str(image.tile)  # Pillow calls a color image of 16 bits RGB too
    except Exception:  # damaged, a bomb, or a TIFF that only tifffile knows
        pixels = read_raster(path)
        height, width = pixels.shape[-3:-1]
        return f"{height}×{width}", _mode(pixels.shape[-1]), 8 * pixels.itemsize
    if width * height > MAX_PIXELS:
        read_raster(path)  # raises the error
    if min(width, height) < SMALLEST_SIDE:
        raise UnreadableScan(f"{name}: {height}×{width} pixels are too few to show a brain")
    if file_format == "JPEG" and _END_OF_JPEG not in _tail(path):
        raise UnreadableScan(f"{name}: the JPEG is truncated; copy or download it again")
    return f"{height}×{width}", _mode(mode), 16 if is_deep else _BITS.get(mode, 8)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read()


def _mode(stored: str | int) -> str:
    if stored in (1, "1", "L", "I", "F") or str(stored).startswith("I;16"):
        return "gray"
    return {3: "RGB", "P": "palette", "PA": "palette", "LA": "gray with alpha"}.get(stored, str(stored))


def nonempty_classes(
    classes: Iterable[str], images: Sequence[ImageFacts], root: Path, unreadable: Mapping[str, str]
) -> tuple[str, ...]:
    """The classes with at least one image.

    Raises:
        BadDataset: there are no images; names the first error in ``unreadable``.
    """
    if not images:
        raise BadDataset(f"{root}: not one image can be read; the first: {next(iter(unreadable.values()))}")
    labels = {image.label for image in images}
    return tuple(label for label in classes if label in labels)


def count_images(images: Sequence[ImageFacts], classes: tuple[str, ...]) -> dict[str, Any]:
    """The fields of :class:`ClassSummary` that follow from each image's facts."""
    labels = [image.label for image in images]
    return {
        "images": ordered(Counter(labels), classes),
        "parts": dict(sorted(_cross_tabulate((image.part for image in images), labels, classes, drop="").items())),
        "sizes": _cross_tabulate((image.size for image in images), labels, classes),
        "modes": _cross_tabulate((image.mode for image in images), labels, classes),
        "bits": {str(bits): count for bits, count in Counter(image.bits for image in images).most_common()},
        "guessed": {
            "nothing": _guess_accuracy(["" for _ in images], labels),
            "color mode": _guess_accuracy([image.mode for image in images], labels),
            "image size": _guess_accuracy([image.size for image in images], labels),
        },
    }


def _cross_tabulate(
    values: Iterable[str], labels: Sequence[str], classes: tuple[str, ...], drop: str | None = None
) -> dict[str, dict[str, int]]:
    """For each value, the most frequent first, its number of images of each class."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for value, label in zip(values, labels, strict=True):
        if value != drop:
            counts[value][label] += 1
    by_frequency = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return {value: ordered(by_class, classes) for value, by_class in by_frequency}


def _guess_accuracy(values: Sequence[str], labels: Sequence[str]) -> float:
    """Fraction of images whose class is the most frequent among the other images of the same value.

    Without other images of that value, the most frequent class of all others is guessed; among equally frequent
    classes the guess is random. A class that was among the most frequent remains so when the image itself is left
    out: between equally large classes the guess would else always be wrong instead of random.
    """
    overall = Counter(labels)
    by_value: dict[str, Counter[str]] = defaultdict(Counter)
    for value, label in zip(values, labels, strict=True):
        by_value[value][label] += 1
    right = 0.0
    for counts in by_value.values():
        for label, count in counts.items():
            known = counts if counts.total() > 1 else overall
            others = known - Counter({label: 1})
            most = max(others.values(), default=0)
            guesses = {name for name, number in others.items() if number == most}
            guesses |= {label} & {name for name, number in known.items() if number == max(known.values())}
            right += count * (label in guesses) / max(1, len(guesses))
    return right / len(labels)


def ordered(counts: Mapping[str, int], classes: tuple[str, ...]) -> dict[str, int]:
    """The count of every class, in the order of ``classes``."""
    return {label: counts.get(label, 0) for label in classes}


def spreads(values: Mapping[str, list[int]], classes: tuple[str, ...]) -> dict[str, Spread]:
    """The distribution of every class that has values."""
    by_class = {label: Spread.of(values.get(label, [])) for label in classes}
    return {label: spread for label, spread in by_class.items() if spread}
