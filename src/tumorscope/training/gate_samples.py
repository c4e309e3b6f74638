"""What the gate is fitted and judged on: pictures of data sets and families, already measured."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tumorscope.datasets.lgg import LggDataset
from tumorscope.datasets.not_brain import FAMILIES, draw_family
from tumorscope.datasets.not_brain.kaggle4 import CT_PICTURES, UNSURE_PICTURES
from tumorscope.datasets.phantom import Tissue, make_phantom, plausible_lesion
from tumorscope.errors import BadDataset
from tumorscope.preparing.gate.features import FEATURES, THUMBNAIL_PIXELS, measure, thumbnails
from tumorscope.preparing.gate.views import SIDE, head_views
from tumorscope.preparing.head import head_mask
from tumorscope.reading import find_cases, open_scan, read_cjdata
from tumorscope.reading.dicom.studies import StudyFiles
from tumorscope.reading.raster import read_raster

ALTERED = ", altered"
"""Ends the name of pictures made from a data set's; fitted on, not judged."""

REAL_CT = "CT head, real"
FOLDS = 4
_LEAST_HEAD = 0.02
"""Of the picture; a slice of a scan with less shows no head, by its own channel in the whole scan."""

_ALIKE = 0.985
"""Thumbnails that correlate so much are taken for one picture."""


class Picture(NamedTuple):
    """A grey picture: where it comes from, whose it is, and how much of its scan's head it shows."""

    pixels: np.ndarray
    name: str
    patient: str
    pixel_aspect: float = 1.0
    head_share: float = 1.0


@dataclass(frozen=True, eq=False)
class Samples:
    """Measured pictures of one data set or family.

    Attributes:
        source: the data set or family.
        mri: whether they should pass.
        features, small: of each picture, see :mod:`tumorscope.preparing.gate.features`.
        views: uint8, for people to look at.
        names, patients: of each picture; channels of one slice share a name.
        head_share: see :class:`Picture`.
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
        """Whether a picture shows any head; those that do not are neither fitted nor judged."""
        return self.head_share >= _LEAST_HEAD


def measure_pictures(source: str, pictures: Iterable[Picture], *, mri: bool) -> Samples:
    """Look at each picture once."""
    features, small, stored, rest = [], [], [], []
    for picture in pictures:
        views, heads = head_views(picture.pixels[None], picture.pixel_aspect)
        features.append(measure(views, heads)[0])
        small.append(thumbnails(views)[0])
        stored.append(np.round(views[0] * 255).astype(np.uint8))
        rest.append((picture.name, picture.patient, picture.head_share))
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


def lgg_pictures(path: Path) -> Iterator[Picture]:
    """Every channel of every slice."""
    for patient in LggDataset.open(path).patients:
        voxels = patient.scan().voxels
        for channel in range(voxels.shape[3]):
            share = head_mask(voxels[..., channel : channel + 1]).mean(axis=(1, 2))
            for index, picture in enumerate(voxels[..., channel]):
                whole = share[index] if picture.max() > picture.min() else 0.0
                yield Picture(picture, f"{patient.case} {index + 1}", patient.case, head_share=float(whole))


def figshare_pictures(path: Path) -> Iterator[Picture]:
    """Every slice; a patient may have many."""
    files = sorted(path.glob("[0-9]*.mat"))
    if not files:
        raise BadDataset(f"{path}: no N.mat here; name the folder of the figshare brain tumour set")
    for file in files:
        sample = read_cjdata(file)
        yield Picture(sample.image, file.name, f"figshare {sample.patient}")


def kaggle4_pictures(path: Path, *, ct: bool = False) -> Iterator[Picture]:
    """Every MRI of the four-class Kaggle set, or every CT that hides among them; nobody knows whose they are."""
    files = sorted(path.glob("*/*/*.jpg"))
    if not files:
        raise BadDataset(f"{path}: no Training/<class>/*.jpg here; name the folder of the four-class Kaggle set")
    for file in files:
        name = file.relative_to(path).as_posix()
        if name not in UNSURE_PICTURES and (name in CT_PICTURES) == ct:
            pixels = read_raster(file)
            yield Picture(np.round(pixels.mean(axis=2)).astype(np.uint8), name, name)


def volume_pictures(path: Path, most: int = 40) -> Iterator[Picture]:
    """Slices of whole volumes, also coronal and sagittal where voxels are cubes, at most ``most`` a direction."""
    niftis = sorted([*path.rglob("*.nii"), *path.rglob("*.nii.gz")])  # each sequence by itself
    others = [case for case in find_cases(path) if not any(case in (file, *file.parents) for file in niftis)]
    if not niftis and not others:
        raise BadDataset(f"{path}: no NIfTI file or DICOM series here; name the folder that holds the volumes")
    for case in [*niftis, *others]:
        scan = open_scan(case)
        spacing = scan.spacing_mm or (1.0, 1.0, 1.0)
        folder = case.name if isinstance(case, StudyFiles) else case.parent.name
        patient = f"{folder} {scan.shape}"  # sequences of one patient lie on one grid
        planes = {"axial": (0, 1, 2)}
        if max(spacing) < 1.5 * min(spacing):
            planes |= {"coronal": (1, 0, 2), "sagittal": (2, 0, 1)}
        for plane, axes in planes.items():
            turned = scan.voxels[..., 0].transpose(axes)
            turned = turned if plane == "axial" else turned[:, ::-1]
            share = head_mask(turned[..., None]).mean(axis=(1, 2))
            for index in range(0, len(turned), max(1, len(turned) // most)):
                aspect = spacing[axes[1]] / spacing[axes[2]]
                yield Picture(turned[index], f"{scan.case} {plane} {index + 1}", patient, aspect, float(share[index]))


def phantom_pictures(count: int = 12) -> Iterator[Picture]:
    """The drawn head in three directions and four sequences, with and without its skull."""
    for seed in range(count):
        lesions = [plausible_lesion(seed)] if seed % 2 else []
        flat = make_phantom(lesions, seed=seed, shape=(16, 128, 128), sequences=("t1", "flair", "t1c", "t2"))
        yield from _slices_of_phantom(flat.scan.voxels[2:-1], f"phantom {seed} axial")
        cube = make_phantom(lesions, seed=seed, shape=(72, 96, 96), sequences=("t1", "flair", "t1c", "t2"))
        depth, row, column = cube.scan.spacing_mm or (1.0, 1.0, 1.0)
        brain = np.isin(cube.labels, (Tissue.CSF, Tissue.GREY_MATTER, Tissue.WHITE_MATTER, Tissue.DEEP_GREY_MATTER))
        for name, voxels in (("", cube.scan.voxels), (" brain", cube.scan.voxels * brain[..., None])):
            upright = voxels[::-1]
            coronal, sagittal = (
                upright[:, 12:-12:8].transpose(1, 0, 2, 3),
                upright[:, :, 16:-16:8].transpose(2, 0, 1, 3),
            )
            yield from _slices_of_phantom(coronal, f"phantom {seed} coronal{name}", depth / column)
            yield from _slices_of_phantom(sagittal, f"phantom {seed} sagittal{name}", depth / row)
            if name:
                yield from _slices_of_phantom(voxels[12:-12:6], f"phantom {seed} axial{name}")


def _slices_of_phantom(voxels: np.ndarray, name: str, aspect: float = 1.0) -> Iterator[Picture]:
    for channel in range(voxels.shape[3]):
        for index, picture in enumerate(voxels[..., channel]):
            if np.count_nonzero(picture) > 0.05 * picture.size:
                yield Picture(picture, f"{name} {channel} {index}", " ".join(name.split()[:2]), aspect)


def altered_pictures(pictures: Iterable[Picture], every: int, seed: int = 0) -> Iterator[Picture]:
    """Some of the pictures with other contrast, and roughly without their skull: sequences the data sets lack."""
    for number, picture in enumerate(pictures):
        chance = np.random.default_rng((seed, number))
        if number % every or picture.head_share < 0.1 or picture.pixels.max() <= picture.pixels.min():
            continue
        low, high = np.percentile(picture.pixels, (0.5, 99.5))
        grey = np.clip((picture.pixels - low) / max(high - low, 1e-6), 0, 1) ** chance.uniform(0.6, 1.6)
        if chance.random() < 0.7:
            head = ndimage.binary_fill_holes(head_mask(picture.pixels[None, :, :, None])[0])
            depth = np.asarray(ndimage.distance_transform_edt(head))
            brain = depth > chance.uniform(0.12, 0.4) * depth.max()
            inside = grey[brain]
            if chance.random() < 0.5:  # water bright, as on T2
                grey = inside.max() - grey
            low, high = np.percentile(grey[brain], (2, 99.5))
            grey = np.clip((grey - low) / max(high - low, 1e-6), 0, 1) ** chance.uniform(0.6, 1.6)
            grey = (0.02 + grey) * ndimage.gaussian_filter(brain.astype(float), 1)
        yield picture._replace(pixels=grey.astype(np.float32), name=f"{picture.name} altered")


def family_pictures(name: str, count: int, seed: int) -> Iterator[Picture]:
    """Pictures of a family of :data:`tumorscope.datasets.not_brain.FAMILIES`."""
    for number, picture in enumerate(draw_family(name, count, seed)):
        yield Picture(picture, f"{name} {number}", f"{name} {number}")


READERS: Mapping[str, Callable[[Path], Iterator[Picture]]] = {
    "lgg": lgg_pictures,
    "figshare": figshare_pictures,
    "kaggle4": kaggle4_pictures,
    "volumes": volume_pictures,
}


def read_samples(data: Mapping[str, Path], count: int, seed: int, on_source: Callable[[str], None]) -> list[Samples]:
    """All data sets, the phantom and all families, each measured, the most time of a fit.

    Args:
        data: folder of each data set, by the names of :data:`READERS`.
        count: pictures drawn of each family.
        seed: of the drawings.
        on_source: called with the name of each data set or family before it is read.

    Raises:
        BadDataset: an unknown data set, or a folder that does not hold it.
    """
    unknown = sorted(set(data) - set(READERS))
    if unknown:
        raise BadDataset(f"{unknown[0]}: not a data set the gate knows; it knows {', '.join(READERS)}")
    found: list[Samples] = []
    for name, path in data.items():
        on_source(name)
        found.append(measure_pictures(name, READERS[name](path), mri=True))
        if name != "volumes":
            altered = altered_pictures(READERS[name](path), every=12 if name == "lgg" else 4)
            found.append(measure_pictures(f"{name}{ALTERED}", altered, mri=True))
    on_source("phantom")
    found.append(measure_pictures("phantom", phantom_pictures(), mri=True))
    _keep_copies_together(found)
    if "kaggle4" in data:
        on_source(REAL_CT)
        real = measure_pictures(REAL_CT, kaggle4_pictures(data["kaggle4"], ct=True), mri=False)
        _keep_copies_together([real])
        found.append(real)
    for name in FAMILIES:
        on_source(name)
        found.append(measure_pictures(name, family_pictures(name, count, seed), mri=False))
    return found


def count_sources(data: Mapping[str, Path]) -> int:
    """How often :func:`read_samples` names a source."""
    return len(data) + 1 + ("kaggle4" in data) + len(FAMILIES)


def _keep_copies_together(samples: list[Samples]) -> None:
    """Pictures without a patient follow the first picture that looks the same into its fold."""
    known = [one for one in samples if one.source == "figshare"]
    for one in samples:
        if one.source not in ("kaggle4", REAL_CT):
            continue
        for index in range(len(one)):
            for other, end in [*((other, len(other)) for other in known), (one, index)]:
                alike = np.flatnonzero(other.small[:end] @ one.small[index] > _ALIKE)
                if len(alike):
                    one.fold[index] = other.fold[alike[0]]
                    break
        folds = dict(zip(one.patients, one.fold, strict=True))
        for altered in samples:
            if altered.source == f"{one.source}{ALTERED}":
                altered.fold[:] = [folds[patient] for patient in altered.patients]
