"""Fingerprints of many images, from files or from arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tumorscope.core.errors import BadDataset, TumorscopeError, UnreadableScan
from tumorscope.core.folder_contents import files_below
from tumorscope.datasets.duplicates.appearance import DETAIL_PX, THUMB_PX, Appearance, appearance_of
from tumorscope.datasets.folders import class_name
from tumorscope.io.checks import label
from tumorscope.io.color import to_gray
from tumorscope.io.formats import IMAGE_SUFFIXES
from tumorscope.io.images import natural
from tumorscope.io.lgg_patient import is_published_name
from tumorscope.io.mask_names import is_mask_name
from tumorscope.io.matlab import TUMOR_TYPES, read_cjdata
from tumorscope.io.raster import read_raster

_CHUNK = 64
"""Files per task of a worker process."""


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of *n* images.

    Attributes:
        names: paths relative to the set's folder, or names given by the caller.
        sets: the data set of each.
        labels: the class from its folder or its ``cjdata``; empty if unknown.
        patients: the publisher's patient codes; empty if unknown.
        digests: SHA-256 of each file, or of an array's bytes and shape.
        hashes: uint64 ``(n,)``, perceptual hashes.
        thumbs: float32 ``(n, 48, 48)``, zero mean and unit norm; zero if nothing can be compared.
        details: float16 ``(n, 96, 96)``, for the comparison of candidates.
        unreadable: files left out, by ``set/name``, each with the reason in one line.
    """

    names: tuple[str, ...]
    sets: tuple[str, ...]
    labels: tuple[str, ...]
    patients: tuple[str, ...]
    digests: tuple[str, ...]
    hashes: np.ndarray
    thumbs: np.ndarray
    details: np.ndarray
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, which: np.ndarray | Sequence[int]) -> Fingerprints:
        """Some of the images, by a boolean array or by their indices."""
        which = np.asarray(which)
        indices = np.arange(len(self))[which if which.size else which.astype(int)]

        def words(column: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(column[index] for index in indices)

        return Fingerprints(
            names=words(self.names),
            sets=words(self.sets),
            labels=words(self.labels),
            patients=words(self.patients),
            digests=words(self.digests),
            hashes=self.hashes[indices],
            thumbs=self.thumbs[indices],
            details=self.details[indices],
            unreadable=self.unreadable,
        )

    @staticmethod
    def join(parts: Sequence[Fingerprints]) -> Fingerprints:
        """Several sets as one, in order."""
        return Fingerprints(
            names=tuple(name for part in parts for name in part.names),
            sets=tuple(name for part in parts for name in part.sets),
            labels=tuple(kind for part in parts for kind in part.labels),
            patients=tuple(patient for part in parts for patient in part.patients),
            digests=tuple(digest for part in parts for digest in part.digests),
            hashes=np.concatenate([part.hashes for part in parts]),
            thumbs=np.concatenate([part.thumbs for part in parts]),
            details=np.concatenate([part.details for part in parts]),
            unreadable={name: why for part in parts for name, why in part.unreadable.items()},
        )


def fingerprint_arrays(
    images: Iterable[np.ndarray],
    names: Sequence[str],
    set_name: str = "",
    labels: Sequence[str] | None = None,
    patients: Sequence[str] | None = None,
    on_image: Callable[[str], None] = lambda name: None,
) -> Fingerprints:
    """Fingerprints of images in memory.

    Args:
        images: each ``(row, column)``, gray.
        names: one per image.
        set_name: the data set's name.
        labels: one per image, if known.
        patients: one per image, if known.
        on_image: called with each name, for a progress bar.

    Raises:
        ValueError: an image is not two-dimensional, or the numbers of images and names differ.

    >>> disc = np.hypot(*np.mgrid[-16:16, -16:16])
    >>> fingerprint_arrays([disc, np.zeros((32, 32))], ["disc", "black"]).thumbs.any(axis=(1, 2)).tolist()
    [True, False]
    """
    prints = []
    for name, image, kind, patient in zip(
        names, images, labels or [""] * len(names), patients or [""] * len(names), strict=True
    ):
        if image.ndim != 2:
            raise ValueError(f"{name}: {image.ndim} dimensions, not (row, column)")
        shape = f"{image.dtype.str}{image.shape}".encode()
        digest = hashlib.sha256(shape + np.ascontiguousarray(image).tobytes()).hexdigest()
        prints.append(_Print(name, kind, patient, digest, appearance_of(image)))
        on_image(name)
    return _collect(prints, set_name, {})


def fingerprint_folder(
    folder: Path,
    set_name: str = "",
    processes: int = 1,
    on_image: Callable[[str], None] = lambda name: None,
    files: Sequence[Path] | None = None,
) -> Fingerprints:
    """Fingerprints of all images below a folder.

    Files that cannot be read are named under ``unreadable`` and left out.

    Args:
        folder: images in folders named after their class, or ``N.mat`` of the figshare set,
            or patients' folders of the LGG set, of which FLAIR is taken.
        set_name: the folder's name, if not given.
        processes: number of processes.
        on_image: called with each file's name, for a progress bar.
        files: of this folder; all its images, if not given.

    Raises:
        BadDataset: no such folder, no images in it, or not one that can be read.
    """
    files = find_images(folder) if files is None else files
    set_name = set_name or folder.resolve().name
    read = partial(_fingerprint_file, folder)
    prints, unreadable = [], {}

    def keep(result: _Print | _Failure) -> None:
        if isinstance(result, _Failure):
            unreadable[f"{set_name}/{result.name}"] = result.why
        else:
            prints.append(result)
        on_image(result.name)

    if processes > 1 and len(files) > _CHUNK:
        # Forking a process with threads may deadlock.
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            for result in pool.map(read, files, chunksize=_CHUNK):
                keep(result)
    else:
        for file in files:
            keep(read(file))
    if not prints:
        raise BadDataset(f"{folder}: not one image can be read; the first: {next(iter(unreadable.values()), 'none')}")
    return _collect(prints, set_name, unreadable)


def find_images(folder: Path) -> list[Path]:
    """All images and ``cjdata`` files under a folder, in natural order; masks and hidden files are left out.

    Raises:
        BadDataset: no such folder, or no images in it.
    """
    if not folder.is_dir():
        raise BadDataset(f"{folder}: no such folder")
    found = [path for path in files_below(folder) if _is_image(path.relative_to(folder)) and path.is_file()]
    if not found:
        raise BadDataset(f"{folder}: no images here or in its folders (PNG, JPEG, BMP, TIFF, or N.mat of figshare)")
    return sorted(found, key=lambda path: [natural(part) for part in path.relative_to(folder).parts])


def read_gray(path: Path) -> np.ndarray:
    """An image as ``(row, column)``; of three sequences the middle one, which is FLAIR in the LGG set.

    Raises:
        UnreadableScan: damaged, not an image, or with several pages.
    """
    if path.suffix.lower() == ".mat":
        return read_cjdata(path).image
    pixels = read_raster(path)
    if pixels.ndim != 3:
        raise UnreadableScan(f"{label(path)}: holds several pages; save each as its own file")
    return (to_gray(pixels) if pixels.shape[-1] == 3 else pixels)[..., 0]


@dataclass(frozen=True, eq=False)
class _Print:
    name: str
    label: str
    patient: str
    digest: str
    appearance: Appearance


@dataclass(frozen=True)
class _Failure:
    name: str
    why: str


def _fingerprint_file(folder: Path, path: Path) -> _Print | _Failure:
    name = path.relative_to(folder).as_posix()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.suffix.lower() == ".mat":
            sample = read_cjdata(path)
            return _Print(name, TUMOR_TYPES[sample.label], sample.patient, digest, appearance_of(sample.image))
        parent = path.parent.name if path.parent != folder else ""
        kind, patient = ("", parent) if is_published_name(parent) else (class_name(parent) if parent else "", "")
        return _Print(name, kind, patient, digest, appearance_of(read_gray(path)))
    except TumorscopeError as error:
        return _Failure(name, str(error))
    except OSError as error:
        return _Failure(name, f"{label(path)}: cannot be opened ({error.strerror or 'unknown reason'})")


def _is_image(relative: Path) -> bool:
    if any(part.startswith(".") for part in relative.parts) or is_mask_name(relative.name):
        return False
    suffix = relative.suffix.lower()
    return suffix in IMAGE_SUFFIXES or (suffix == ".mat" and relative.stem.isdecimal())


def _collect(prints: Sequence[_Print], set_name: str, unreadable: Mapping[str, str]) -> Fingerprints:
    return Fingerprints(
        names=tuple(item.name for item in prints),
        sets=(set_name,) * len(prints),
        labels=tuple(item.label for item in prints),
        patients=tuple(item.patient for item in prints),
        digests=tuple(item.digest for item in prints),
        hashes=np.array([item.appearance.hash for item in prints], np.uint64),
        thumbs=np.array([item.appearance.thumb for item in prints], np.float32).reshape(-1, THUMB_PX, THUMB_PX),
        details=np.array([item.appearance.detail for item in prints], np.float16).reshape(-1, DETAIL_PX, DETAIL_PX),
        unreadable=dict(unreadable),
    )
