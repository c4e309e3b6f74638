"""What the input_check is fitted and evaluated on: images of data sets and families, already measured."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.lgg import LggDataset
from tumorscope.datasets.negatives import FAMILIES, draw_family
from tumorscope.datasets.negatives.kaggle4 import CT_IMAGES, UNSURE_IMAGES
from tumorscope.datasets.phantom import Tissue, make_phantom, plausible_lesion
from tumorscope.io import find_cases, open_scan, read_cjdata
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.raster import read_raster
from tumorscope.preprocessing.head import head_mask
from tumorscope.preprocessing.input_check.features import FEATURES, THUMBNAIL_PIXELS, measure, thumbnails
from tumorscope.preprocessing.input_check.views import SIDE, head_views

ALTERED = ", altered"
"""Ends the name of images made from a data set's; fitted on, not evaluated."""

REAL_CT = "CT head, real"
FOLDS = 4
_LEAST_HEAD = 0.02
"""Of the image; a slice of a scan with less shows no head, by its own channel in the whole scan."""

_ALIKE = 0.985
"""Thumbnails that correlate so much are taken for one image."""


class SampleImage(NamedTuple):
    """A gray image: where it comes from, whose it is, and how much of its scan's head it shows."""

    pixels: np.ndarray
    name: str
    patient: str
    pixel_aspect: float = 1.0
    head_share: float = 1.0


@dataclass(frozen=True, eq=False)
class Samples:
    """Measured images of one data set or family.

    Attributes:
        source: the data set or family.
        mri: whether they should pass.
        features, small: of each image, see :mod:`tumorscope.preprocessing.input_check.features`.
        views: uint8, for people to look at.
        names, patients: of each image; channels of one slice share a name.
        head_share: see :class:`SampleImage`.
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
        """Whether an image shows any head; those that do not are neither fitted nor evaluated."""
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


def lgg_images(path: Path) -> Iterator[SampleImage]:
    """Every channel of every slice."""
    for patient in LggDataset.open(path).patients:
        voxels = patient.scan().voxels
        for channel in range(voxels.shape[3]):
            share = head_mask(voxels[..., channel : channel + 1]).mean(axis=(1, 2))
            for index, image in enumerate(voxels[..., channel]):
                whole = share[index] if image.max() > image.min() else 0.0
                yield SampleImage(image, f"{patient.case} {index + 1}", patient.case, head_share=float(whole))


def figshare_images(path: Path) -> Iterator[SampleImage]:
    """Every slice; a patient may have many."""
    files = sorted(path.glob("[0-9]*.mat"))
    if not files:
        raise BadDataset(f"{path}: no N.mat here; name the folder of the figshare brain tumor set")
    for file in files:
        sample = read_cjdata(file)
        yield SampleImage(sample.image, file.name, f"figshare {sample.patient}")


def kaggle4_images(path: Path, *, ct: bool = False) -> Iterator[SampleImage]:
    """Every MRI of the four-class Kaggle set, or every CT that hides among them; nobody knows whose they are."""
    files = sorted(path.glob("*/*/*.jpg"))
    if not files:
        raise BadDataset(f"{path}: no Training/<class>/*.jpg here; name the folder of the four-class Kaggle set")
    for file in files:
        name = file.relative_to(path).as_posix()
        if name not in UNSURE_IMAGES and (name in CT_IMAGES) == ct:
            pixels = read_raster(file)
            yield SampleImage(np.round(pixels.mean(axis=2)).astype(np.uint8), name, name)


def volume_images(path: Path, most: int = 40) -> Iterator[SampleImage]:
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
                yield SampleImage(
                    turned[index], f"{scan.case} {plane} {index + 1}", patient, aspect, float(share[index])
                )


def phantom_images(count: int = 12) -> Iterator[SampleImage]:
    """The drawn head in three directions and four sequences, with and without its skull."""
    for seed in range(count):
        lesions = [plausible_lesion(seed)] if seed % 2 else []
        flat = make_phantom(lesions, seed=seed, shape=(16, 128, 128), sequences=("t1", "flair", "t1c", "t2"))
        yield from _slices_of_phantom(flat.scan.voxels[2:-1], f"phantom {seed} axial")
        cube = make_phantom(lesions, seed=seed, shape=(72, 96, 96), sequences=("t1", "flair", "t1c", "t2"))
        depth, row, column = cube.scan.spacing_mm or (1.0, 1.0, 1.0)
        brain = np.isin(cube.labels, (Tissue.CSF, Tissue.GRAY_MATTER, Tissue.WHITE_MATTER, Tissue.DEEP_GRAY_MATTER))
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


def _slices_of_phantom(voxels: np.ndarray, name: str, aspect: float = 1.0) -> Iterator[SampleImage]:
    for channel in range(voxels.shape[3]):
        for index, image in enumerate(voxels[..., channel]):
            if np.count_nonzero(image) > 0.05 * image.size:
                yield SampleImage(image, f"{name} {channel} {index}", " ".join(name.split()[:2]), aspect)


def altered_images(images: Iterable[SampleImage], every: int, seed: int = 0) -> Iterator[SampleImage]:
    """Some of the images with other contrast, and roughly without their skull: sequences the data sets lack."""
    for number, image in enumerate(images):
        chance = np.random.default_rng((seed, number))
        if number % every or image.head_share < 0.1 or image.pixels.max() <= image.pixels.min():
            continue
        low, high = np.percentile(image.pixels, (0.5, 99.5))
        gray = np.clip((image.pixels - low) / max(high - low, 1e-6), 0, 1) ** chance.uniform(0.6, 1.6)
        if chance.random() < 0.7:
            head = ndimage.binary_fill_holes(head_mask(image.pixels[None, :, :, None])[0])
            depth = np.asarray(ndimage.distance_transform_edt(head))
            brain = depth > chance.uniform(0.12, 0.4) * depth.max()
            inside = gray[brain]
            if chance.random() < 0.5:  # water bright, as on T2
                gray = inside.max() - gray
            low, high = np.percentile(gray[brain], (2, 99.5))
            gray = np.clip((gray - low) / max(high - low, 1e-6), 0, 1) ** chance.uniform(0.6, 1.6)
            gray = (0.02 + gray) * ndimage.gaussian_filter(brain.astype(float), 1)
        yield image._replace(pixels=gray.astype(np.float32), name=f"{image.name} altered")


def family_images(name: str, count: int, seed: int) -> Iterator[SampleImage]:
    """Images of a family of :data:`tumorscope.datasets.negatives.FAMILIES`."""
    for number, image in enumerate(draw_family(name, count, seed)):
        yield SampleImage(image, f"{name} {number}", f"{name} {number}")


READERS: Mapping[str, Callable[[Path], Iterator[SampleImage]]] = {
    "lgg": lgg_images,
    "figshare": figshare_images,
    "kaggle4": kaggle4_images,
    "volumes": volume_images,
}


def read_samples(data: Mapping[str, Path], count: int, seed: int, on_source: Callable[[str], None]) -> list[Samples]:
    """All data sets, the phantom and all families, each measured, the most time of a fit.

    Args:
        data: folder of each data set, by the names of :data:`READERS`.
        count: images drawn of each family.
        seed: of the drawings.
        on_source: called with the name of each data set or family before it is read.

    Raises:
        BadDataset: an unknown data set, or a folder that does not hold it.
    """
    unknown = sorted(set(data) - set(READERS))
    if unknown:
        raise BadDataset(f"{unknown[0]}: not a data set the input_check knows; it knows {', '.join(READERS)}")
    found: list[Samples] = []
    for name, path in data.items():
        on_source(name)
        found.append(measure_images(name, READERS[name](path), mri=True))
        if name != "volumes":
            altered = altered_images(READERS[name](path), every=12 if name == "lgg" else 4)
            found.append(measure_images(f"{name}{ALTERED}", altered, mri=True))
    on_source("phantom")
    found.append(measure_images("phantom", phantom_images(), mri=True))
    _keep_copies_together(found)
    if "kaggle4" in data:
        on_source(REAL_CT)
        real = measure_images(REAL_CT, kaggle4_images(data["kaggle4"], ct=True), mri=False)
        _keep_copies_together([real])
        found.append(real)
    for name in FAMILIES:
        on_source(name)
        found.append(measure_images(name, family_images(name, count, seed), mri=False))
    return found


def count_sources(data: Mapping[str, Path]) -> int:
    """How often :func:`read_samples` names a source."""
    return len(data) + 1 + ("kaggle4" in data) + len(FAMILIES)


def _keep_copies_together(samples: list[Samples]) -> None:
    """Images without a patient follow the first image that looks the same into its fold."""
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
