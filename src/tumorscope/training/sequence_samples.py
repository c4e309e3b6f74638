"""What the recognition of sequences is fitted and assessed on: slices whose sequence is known, framed to their heads.

The sequence is the publisher's (LGG, BraTS, figshare, BRISC's tumors), or it was read from the image by the developers
(``sequence_labels.csv``), for sets of mixed sequences that state none. Only they hold T2, and T1 without a tumor, with
a skull.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.core.files import save_whole
from tumorscope.core.scan import SEQUENCES, Scan
from tumorscope.datasets import styles
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.datasets.patients import patient_key
from tumorscope.datasets.registry import open_dataset
from tumorscope.datasets.split import Split
from tumorscope.inference.bundles import shipped_bundles
from tumorscope.inference.sequence_recognition import SIDE, network_input
from tumorscope.preprocessing.axial import axial_view
from tumorscope.preprocessing.head import head_mask
from tumorscope.preprocessing.input_check.model import slices_with_much_head
from tumorscope.preprocessing.input_check.views import head_views
from tumorscope.training.copies import LEFT_OUT_FILE, read_left_out

DATA = ("lgg", "brats", "figshare", "brisc", "kaggle4", "br35h")
"""The data sets with known or read sequences."""

Part = Literal["train", "validation", "test"]
_PARTS: tuple[Part, ...] = ("test", "validation", "train")
_VOLUMES = ("lgg", "brats")
_SLICES = 8
"""Slices of each sequence of a volume."""

_SCANS = 0.16
"""Volumes for each slice of a limit: one more patient tells more than one more slice."""

_VALIDATION = 0.24
"""Share of the limit for validation."""


class SequenceImage(NamedTuple):
    """A slice of known sequence, ``(row, column)``, and where it comes from."""

    pixels: np.ndarray
    sequence: str
    case: str
    patient: str
    source: str
    pixel_aspect: float = 1.0


@dataclass(frozen=True)
class Parts:
    """To which part of the splits each patient belongs; the strictest where splits differ."""

    of_patient: Mapping[str, Part]
    copies: frozenset[str]

    @classmethod
    def load(cls, splits: Sequence[Path]) -> Parts:
        """Read splits of several data sets and the lists of copies beside them.

        Raises:
            BadDataset: a split is of one data set alone.
            BadSplit: a file is not a split.
        """
        of_patient: dict[str, Part] = {}
        copies: set[str] = set()
        loaded = [(path, Split.load(path)) for path in splits]
        for path, split in loaded:
            if "+" not in split.dataset:
                raise BadDataset(f"{path}: a split of {split.dataset} alone; name one of several data sets together")
            beside = path.with_name(LEFT_OUT_FILE)
            copies |= set(read_left_out(beside)) if beside.exists() else set()
        for part in _PARTS:
            for _, split in loaded:
                for name in split[part]:
                    of_patient.setdefault(patient_key(name), part)
        return cls(of_patient, frozenset(copies))

    def includes(self, part: Part, dataset: str, case: LabeledCase) -> bool:
        """Whether a case of a data set is in the part and not a copy."""
        patient = patient_key(f"{dataset}/{case.patient}")
        return self.of_patient.get(patient) == part and f"{dataset}/{case.case}" not in self.copies


@dataclass(frozen=True, eq=False)
class SequenceSamples:
    """Slices framed to their heads.

    Attributes:
        views: uint8 ``(image, SIDE, SIDE)``.
        heads: boolean of the same shape.
        sequence: index into :data:`tumorscope.core.scan.SEQUENCES`, ``(image,)``.
        source, case, patient: of each image.
    """

    views: np.ndarray
    heads: np.ndarray
    sequence: np.ndarray
    source: np.ndarray
    case: np.ndarray
    patient: np.ndarray

    def __len__(self) -> int:
        return len(self.sequence)

    def take(self, chosen: np.ndarray) -> SequenceSamples:
        """Some of the images, by mask or index."""
        return SequenceSamples(*(getattr(self, field.name)[chosen] for field in dataclasses.fields(self)))

    @classmethod
    def join(cls, samples: Sequence[SequenceSamples]) -> SequenceSamples:
        """All images of several."""
        columns = (field.name for field in dataclasses.fields(cls))
        return cls(*(np.concatenate([getattr(one, name) for one in samples]) for name in columns))

    def inputs(self) -> np.ndarray:
        """As the network receives them, float32 ``(image, 2, SIDE, SIDE)``."""
        pairs = zip(self.views.astype(np.float32) / 255, self.heads, strict=True)
        return np.stack([network_input(view, head) for view, head in pairs])


def read_labels() -> dict[str, str]:
    """The sequences that were read from images: ``dataset/case`` to sequence."""
    with Path(__file__).with_name("sequence_labels.csv").open(newline="") as file:
        return {row["case"]: row["sequence"] for row in csv.DictReader(file)}


def known_images(
    dataset: str, path: Path, part: Part, parts: Parts, limit: int, seed: int = 0
) -> Iterator[SequenceImage]:
    """Slices of one data set and part whose sequence is known, about ``limit`` of each sequence.

    Cases whose publisher put another sequence in the place of a missing one are left out.

    Raises:
        BadDataset: the folder does not hold the data set.
    """
    labels = read_labels()
    cases = [case for case in open_dataset(dataset, path).cases if parts.includes(part, dataset, case)]
    named = [case for case in cases if f"{dataset}/{case.case}" in labels]
    order = np.random.default_rng(seed).permutation(len(cases))
    unlabeled = [cases[index] for index in order if cases[index] not in named]
    if dataset in ("kaggle4", "br35h"):
        unlabeled = []  # of mixed sequences
    most = max(1, round(limit * _SCANS)) if dataset in _VOLUMES else limit
    taken = 0
    for case in (*named, *unlabeled):
        if case not in named and taken >= most:
            return
        scan = case.scan()
        label = labels.get(f"{dataset}/{case.case}")
        if (label is None and "unknown" in scan.sequences) or _replaced(dataset, case, scan):
            continue
        taken += case not in named
        for channel, sequence in enumerate(scan.sequences):
            yield from _slices(scan, channel, label or sequence, case, dataset)


def _replaced(dataset: str, case: LabeledCase, scan: Scan) -> bool:
    """Whether the publisher put FLAIR in the place of a missing sequence."""
    missing = getattr(case, "missing_sequences", None)
    return dataset == "lgg" and missing is not None and bool(missing(scan))


def _slices(scan: Scan, channel: int, sequence: str, case: LabeledCase, dataset: str) -> Iterator[SequenceImage]:
    view = axial_view(scan.shape, scan.affine)
    volume = view.forward(scan.voxels[..., channel])
    share = np.ones(1) if len(volume) == 1 else head_mask(volume[..., None]).mean(axis=(1, 2))
    usable = slices_with_much_head(share)
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, _SLICES + 2).round().astype(int)[1:-1])]
    plane = getattr(case, "plane", "")
    source = f"{dataset} {plane}".strip()
    for index in chosen:
        yield SequenceImage(
            volume[index], sequence, f"{dataset}/{case.case}", f"{dataset}/{case.patient}", source, view.pixel_aspect
        )


def restyled(images: Iterable[SequenceImage], seed: int = 0) -> Iterator[SequenceImage]:
    """Each slice as it might come from elsewhere; see :func:`tumorscope.datasets.styles.restyle`."""
    for number, image in enumerate(images):
        chance = np.random.default_rng((seed, number))
        if image.pixels.max() <= image.pixels.min():
            continue
        pixels = styles.restyle(image.pixels[None, :, :, None], chance)[0, ..., 0]
        turns = int(chance.integers(1, 4)) if chance.random() < 0.15 else 0
        pixels = np.rot90(pixels, turns)
        pixels = pixels[:, ::-1] if chance.random() < 0.5 else pixels
        aspect = 1 / image.pixel_aspect if turns % 2 else image.pixel_aspect
        yield image._replace(pixels=np.ascontiguousarray(pixels), pixel_aspect=aspect)


def changed(images: Iterable[SequenceImage], change: Callable[[np.ndarray], np.ndarray]) -> Iterator[SequenceImage]:
    """Each slice after one change of :mod:`tumorscope.datasets.styles`."""
    for image in images:
        yield image._replace(pixels=change(styles.to_unit(image.pixels[None, :, :, None]))[0, ..., 0])


def frame_images(images: Iterable[SequenceImage]) -> SequenceSamples:
    """Frame each slice by itself."""
    views, heads, rest = [], [], []
    for image in images:
        view, head = head_views(image.pixels[None], image.pixel_aspect, SIDE)
        views.append(np.round(view[0] * 255).astype(np.uint8))
        heads.append(head[0])
        rest.append((SEQUENCES.index(image.sequence), image.source, image.case, image.patient))
    sequence, source, case, patient = zip(*rest, strict=True) if rest else ((), (), (), ())
    return SequenceSamples(
        np.array(views, np.uint8).reshape(-1, SIDE, SIDE),
        np.array(heads, bool).reshape(-1, SIDE, SIDE),
        np.array(sequence, int),
        np.array(source, str),
        np.array(case, str),
        np.array(patient, str),
    )


def framed(name: str, images: Callable[[], Iterable[SequenceImage]], keep: Path | None) -> SequenceSamples:
    """The framed images, from the folder ``keep`` where an earlier run left them.

    The caller makes sure that data, limits and seeds are those of the earlier run.
    """
    path = None if keep is None else keep / f"{name}.npz"
    if path is not None and path.exists():
        with np.load(path) as stored:
            return SequenceSamples(*(stored[field.name] for field in dataclasses.fields(SequenceSamples)))
    samples = frame_images(images())
    if path is not None:
        content = io.BytesIO()
        arrays = {field.name: getattr(samples, field.name) for field in dataclasses.fields(SequenceSamples)}
        np.savez_compressed(content, **arrays)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_whole(path, content.getvalue())
    return samples


def shipped_splits() -> list[Path]:
    """The splits of the bundles that ship."""
    return [bundle.folder / "split.json" for bundle in shipped_bundles()]


def read_parts(
    data: Mapping[str, Path],
    parts: Parts,
    limit: int,
    seed: int,
    on_source: Callable[[str], None] = lambda source: None,
    *,
    keep: Path | None = None,
) -> tuple[SequenceSamples, SequenceSamples, SequenceSamples]:
    """Of all data sets: training slices as they are and restyled, validation slices, the same restyled.

    Args:
        data: folder of each data set, by the names of :data:`DATA`.
        parts: which patients are for what.
        limit: training slices of each data set and sequence; a quarter as many for validation.
        seed: of the draws.
        on_source: called before a data set's part is read.
        keep: folder for the framed images, see :func:`framed`.

    Raises:
        BadDataset: a folder does not hold its data set.
    """
    found: dict[Part, list[tuple[SequenceSamples, SequenceSamples]]] = {"train": [], "validation": []}
    for part, pairs in found.items():
        most = limit if part == "train" else max(_SLICES, round(limit * _VALIDATION))
        for name, path in data.items():
            on_source(f"{name}, {part}")
            images = cache(partial(_listed, name, path, part, parts, most, seed))
            changed_too = partial(_restyled, images, seed)
            pairs.append((framed(f"{part}-{name}", images, keep), framed(f"{part}-{name}-restyled", changed_too, keep)))
    validation, restyled_validation = zip(*found["validation"], strict=True)
    train = SequenceSamples.join([one for pair in found["train"] for one in pair])
    return train, SequenceSamples.join(validation), SequenceSamples.join(restyled_validation)


def _listed(dataset: str, path: Path, part: Part, parts: Parts, limit: int, seed: int) -> list[SequenceImage]:
    return list(known_images(dataset, path, part, parts, limit, seed))


def _restyled(images: Callable[[], Iterable[SequenceImage]], seed: int) -> Iterator[SequenceImage]:
    return restyled(images(), seed)
