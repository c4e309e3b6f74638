"""What the input check is fitted and assessed on: images of data sets and families, already measured."""

from __future__ import annotations

import dataclasses
import io
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.core.files import save_whole
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.negatives import FAMILIES
from tumorscope.preprocessing.input_check.features import FEATURES, THUMBNAIL_PIXELS, measure, thumbnails
from tumorscope.preprocessing.input_check.views import SIDE, head_views
from tumorscope.training.input_check_sources import (
    LABELED,
    VOLUMES,
    Parts,
    SampleImage,
    family_images,
    labeled_cases,
    labeled_images,
    phantom_images,
    restyled_images,
    volume_images,
)

RESTYLED = ", restyled"
"""Ends the name of images made from a data set's by changes of contrast and style."""

REAL_CT = "CT head, real"
FOLDS = 4
DATA = (*LABELED, VOLUMES)
"""The data sets that a fit can read."""

_LEAST_HEAD = 0.02
"""Of the image; a slice of a scan with less shows no head, by its own channel in the whole scan."""

_ALIKE = 0.985
"""Thumbnails that correlate so much are taken for one image."""

_PATIENT_UNKNOWN = ("kaggle4", "brisc", REAL_CT)
"""Where these words begin a source, its images may be copies of one another and of the sources before it."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Measured images of one data set or family.

    Attributes:
        source: the data set or family.
        mri: whether they should pass.
        features, small: of each image, see :mod:`tumorscope.preprocessing.input_check.features`.
        views: uint8, for people to look at.
        names, patients: of each image; channels of one slice share a name.
        head_share: see :class:`tumorscope.training.input_check_sources.SampleImage`.
        fold: which of the :data:`FOLDS` parts each belongs to; a patient is in one.
    """

    source: str
    mri: bool
    features: np.ndarray
    small: np.ndarray
    views: np.ndarray
    names: np.ndarray
    patients: np.ndarray
    head_share: np.ndarray
    fold: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def has_head(self) -> np.ndarray:
        """Whether an image shows any head; those that do not are neither fitted nor assessed."""
        return self.head_share >= _LEAST_HEAD


def measure_images(source: str, images: Iterable[SampleImage], *, mri: bool) -> Samples:
    """Look at each image once."""
    features, small, stored, rest = [], [], [], []
    for image in images:
        views, heads = head_views(image.pixels[None], image.pixel_aspect)
        features.append(measure(views, heads)[0])
        small.append(thumbnails(views)[0])
        stored.append(np.round(views[0] * 255).astype(np.uint8))
        rest.append((image.name, image.patient, image.head_share))
    names, patients, shares = zip(*rest, strict=True) if rest else ((), (), ())
    return Samples(
        source,
        mri,
        np.array(features, np.float32).reshape(-1, FEATURES),
        np.array(small, np.float32).reshape(-1, THUMBNAIL_PIXELS),
        np.array(stored, np.uint8).reshape(-1, SIDE, SIDE),
        np.array(names),
        np.array(patients),
        np.array(shares, float),
        np.array([zlib.crc32(patient.encode()) % FOLDS for patient in patients], int),
    )


def measured(source: str, images: Callable[[], Iterable[SampleImage]], *, mri: bool, keep: Path | None) -> Samples:
    """The images' measures, from the folder ``keep`` where an earlier run left them.

    The caller makes sure that data, limits and seeds are those of the earlier run.
    """
    path = None if keep is None else keep / f"{source.replace(' ', '_').replace(',', '')}.npz"
    if path is not None and path.exists():
        with np.load(path) as stored:
            return Samples(source, mri, *(stored[field.name] for field in dataclasses.fields(Samples)[2:]))
    samples = measure_images(source, images(), mri=mri)
    if path is not None:
        content = io.BytesIO()
        arrays = {field.name: getattr(samples, field.name) for field in dataclasses.fields(Samples)[2:]}
        np.savez(content, **arrays)  # type: ignore[arg-type]
        path.parent.mkdir(parents=True, exist_ok=True)
        save_whole(path, content.getvalue())
    return samples


def read_samples(
    data: Mapping[str, Path],
    count: int,
    seed: int,
    on_source: Callable[[str], None],
    *,
    parts: Parts | None = None,
    limit: int = 3000,
    keep: Path | None = None,
) -> list[Samples]:
    """All data sets, the phantom and all families, each measured, the most time of a fit.

    Args:
        data: folder of each data set, by the names of :data:`DATA`.
        count: images drawn of each family.
        seed: of the drawings.
        on_source: called with the name of each data set or family before it is read.
        parts: which cases may be seen; all by default.
        limit: images of each source, at most; half as many are restyled.
        keep: folder for the measures, see :func:`measured`.

    Raises:
        BadDataset: an unknown data set, or a folder that does not hold it.
    """
    unknown = sorted(set(data) - set(DATA))
    if unknown:
        raise BadDataset(f"{unknown[0]}: not a data set the input check knows; it knows {', '.join(DATA)}")
    parts = parts or Parts()
    found = read_heads(data, on_source, parts=parts, limit=limit, keep=keep)
    if VOLUMES in data:
        on_source(VOLUMES)
        found.append(measured(VOLUMES, lambda: volume_images(data[VOLUMES]), mri=True, keep=keep))
    on_source("phantom")
    found.append(measured("phantom", phantom_images, mri=True, keep=keep))
    if "kaggle4" in data:
        on_source(REAL_CT)
        cases = labeled_cases("kaggle4", data["kaggle4"], lambda *case: not parts.is_held_out(*case), ct=True)
        real = [case for listed in cases.values() for case in listed]
        found.append(measured(REAL_CT, lambda: labeled_images("kaggle4", real, len(real)), mri=False, keep=keep))
    _keep_copies_together(found)
    for name in FAMILIES:
        on_source(name)
        found.append(measured(name, lambda name=name: family_images(name, count, seed), mri=False, keep=keep))
    return found


def read_heads(
    data: Mapping[str, Path],
    on_source: Callable[[str], None],
    *,
    parts: Parts,
    limit: int,
    keep: Path | None = None,
) -> list[Samples]:
    """Of the data sets with cases of their own, what :func:`read_samples` reads: images as they are, then restyled."""
    found: list[Samples] = []
    for name in LABELED:
        if name in data:
            on_source(name)
            for source, cases in labeled_cases(name, data[name], parts.is_fitted).items():
                found += _as_is_and_restyled(source, name, cases, limit, keep)
    return found


def _as_is_and_restyled(
    source: str, dataset: str, cases: Sequence[LabeledCase], limit: int, keep: Path | None
) -> list[Samples]:
    images = cache(lambda: list(labeled_images(dataset, cases, limit)))
    return [
        measured(source, images, mri=True, keep=keep),
        measured(f"{source}{RESTYLED}", lambda: restyled_images(images()[::2]), mri=True, keep=keep),
    ]


def count_sources(data: Mapping[str, Path]) -> int:
    """How often :func:`read_samples` names a source."""
    return len(data) + 1 + ("kaggle4" in data) + len(FAMILIES)


def _keep_copies_together(samples: Sequence[Samples]) -> None:
    """Images without a known patient follow the first image that looks the same into its fold, restyled ones theirs."""
    before: list[Samples] = []
    for one in samples:
        if one.source.endswith(RESTYLED):
            folds = dict(zip(before[-1].patients, before[-1].fold, strict=True))
            one.fold[:] = [folds[patient] for patient in one.patients]
            continue
        if one.source.startswith(_PATIENT_UNKNOWN):
            _follow_copies(one, before)
        before.append(one)


def _follow_copies(one: Samples, before: Sequence[Samples]) -> None:
    """Sets the folds of images that look like one of earlier sources, or like an earlier one of their own."""
    known = [other.small for other in before]
    folds = np.concatenate([np.zeros(0, int), *(other.fold for other in before)])
    count = len(folds)
    alike = np.concatenate([*known, one.small]) @ one.small.T > _ALIKE
    for index in range(len(one)):
        first = np.flatnonzero(alike[: count + index, index])
        if len(first):
            one.fold[index] = folds[first[0]] if first[0] < count else one.fold[first[0] - count]
