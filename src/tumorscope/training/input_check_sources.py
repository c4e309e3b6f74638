"""Where the images come from that the input check is fitted on and assessed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.core.folder_contents import files_below
from tumorscope.datasets import styles
from tumorscope.datasets.labeled import ImageCase, LabeledCase
from tumorscope.datasets.negatives import draw_family
from tumorscope.datasets.negatives.kaggle4_ct import CT_IMAGES, UNSURE_IMAGES
from tumorscope.datasets.patients import patient_key
from tumorscope.datasets.phantom import Tissue, make_phantom, plausible_lesion
from tumorscope.datasets.registry import PUBLISHED_NAMES, open_dataset
from tumorscope.datasets.split import Split
from tumorscope.io import open_scan
from tumorscope.io.dicom.studies import StudyFiles
from tumorscope.io.discovery import find_scan_folders
from tumorscope.preprocessing.axial import axial_view
from tumorscope.preprocessing.head import head_mask
from tumorscope.preprocessing.input_check.model import slices_with_much_head
from tumorscope.training.copies import LEFT_OUT_FILE, read_left_out

LABELED = PUBLISHED_NAMES
"""Data sets whose cases are heads, by the names that :func:`open_dataset` knows."""

VOLUMES = "volumes"
"""A folder of any NIfTI files and DICOM series of heads."""


class SampleImage(NamedTuple):
    """A gray image: where it comes from, whose it is, and how much of its scan's head it shows."""

    pixels: np.ndarray
    name: str
    patient: str
    pixel_aspect: float = 1.0
    head_share: float = 1.0


@dataclass(frozen=True)
class Parts:
    """Which cases a fit may see.

    Attributes:
        fitted: patients that splits train on, as ``lgg/TCGA_CS_4941``; None where there is no split and all are fitted.
        held_out: patients that a split validates or tests on.
        copies: cases that are copies of images held out.
    """

    fitted: frozenset[str] | None = None
    held_out: frozenset[str] = frozenset()
    copies: frozenset[str] = frozenset()

    @classmethod
    def load(cls, splits: Sequence[Path]) -> Parts:
        """Read splits of several data sets, and the lists of copies beside them.

        Raises:
            BadDataset: a split is of one data set alone, so that its names do not tell which.
            BadSplit: a file is not a split.
        """
        if not splits:
            return cls()
        fitted, held_out, copies = set(), set(), set()
        for path in splits:
            split = Split.load(path)
            if "+" not in split.dataset:
                raise BadDataset(f"{path}: a split of {split.dataset} alone; name one of several data sets together")
            fitted |= set(map(patient_key, split["train"]))
            held_out |= {*map(patient_key, split["validation"]), *map(patient_key, split["test"])}
            beside = path.with_name(LEFT_OUT_FILE)
            copies |= set(read_left_out(beside)) if beside.exists() else set()
        return cls(frozenset(fitted - held_out), frozenset(held_out), frozenset(copies))

    def is_fitted(self, dataset: str, case: LabeledCase) -> bool:
        """Whether the fit may see a case of a data set."""
        allowed = self.fitted is None or patient_key(f"{dataset}/{case.patient}") in self.fitted
        return allowed and f"{dataset}/{case.case}" not in self.copies

    def is_held_out(self, dataset: str, case: LabeledCase) -> bool:
        """Whether a split keeps a case of a data set from the fit."""
        return patient_key(f"{dataset}/{case.patient}") in self.held_out


def labeled_cases(
    dataset: str, path: Path, wanted: Callable[[str, LabeledCase], bool], *, ct: bool = False
) -> dict[str, list[LabeledCase]]:
    """The wanted cases of a data set by source: the data set, or its planes where names tell them.

    Args:
        dataset: one of :data:`LABELED`.
        path: its folder.
        wanted: of a data set's name and a case.
        ct: the CT among the four-class Kaggle set's MRI instead of its MRI.

    Raises:
        BadDataset: the folder does not hold it.
    """
    found: dict[str, list[LabeledCase]] = {}
    for case in open_dataset(dataset, path).cases:
        if dataset == "kaggle4" and (case.case in UNSURE_IMAGES or (case.case in CT_IMAGES) != ct):
            continue
        if wanted(dataset, case):
            plane = f" {case.plane}" if dataset == "brisc" and isinstance(case, ImageCase) else ""
            found.setdefault(dataset + plane, []).append(case)
    return found


def labeled_images(
    dataset: str, cases: Sequence[LabeledCase], most: int, seed: int = 0, *, much_head: bool = False
) -> Iterator[SampleImage]:
    """About ``most`` slices of the cases, each sequence by itself, drawn evenly over cases and along volumes.

    Args:
        dataset: goes before the patients' names.
        cases: single images or volumes.
        most: images in all; every case gives at least one of each sequence while there are fewer.
        seed: of the draw.
        much_head: take only slices that show at least half as much head as their volume's fullest.
    """
    drawn = 0
    for place in np.random.default_rng(seed).permutation(len(cases)):
        if drawn >= most:
            return
        case = cases[place]
        scan = case.scan()
        view = axial_view(scan.shape, scan.affine)
        voxels = view.forward(scan.voxels)
        each = max(1, round(most / len(cases) / voxels.shape[3]))
        for channel in range(voxels.shape[3]):
            volume = voxels[..., channel]
            share = np.ones(1) if len(volume) == 1 else head_mask(volume[..., None]).mean(axis=(1, 2))
            share = np.where(volume.max(axis=(1, 2)) > volume.min(axis=(1, 2)), share, 0.0)
            usable = slices_with_much_head(share) if much_head else np.arange(len(volume))
            for index in usable[np.unique(np.linspace(0, len(usable) - 1, each + 2).round().astype(int)[1:-1])]:
                drawn += 1
                name = f"{case.case} {index + 1}"
                yield SampleImage(
                    volume[index], name, f"{dataset}/{case.patient}", view.pixel_aspect, float(share[index])
                )


def volume_images(path: Path, most: int = 40) -> Iterator[SampleImage]:
    """Slices of whole volumes, also coronal and sagittal where voxels are cubes, at most ``most`` per direction."""
    niftis = [file for file in files_below(path) if file.name.endswith((".nii", ".nii.gz"))]  # each sequence by itself
    others = [case for case in find_scan_folders(path) if not any(case in (file, *file.parents) for file in niftis)]
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


def phantom_images(count: int = 5) -> Iterator[SampleImage]:
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


def restyled_images(images: Iterable[SampleImage], seed: int = 0) -> Iterator[SampleImage]:
    """Each image with a head as it might come from elsewhere; see :func:`tumorscope.datasets.styles.restyle`.

    A quarter of them are turned by 90° or 180° as well.
    """
    for number, image in enumerate(images):
        if image.head_share < 0.1 or image.pixels.max() <= image.pixels.min():
            continue
        chance = np.random.default_rng((seed, number))
        pixels = styles.restyle(image.pixels[None, :, :, None], chance)[0, ..., 0]
        turns = int(chance.integers(1, 4)) if chance.random() < 0.25 else 0
        yield image._replace(
            pixels=np.rot90(pixels, turns),
            name=f"{image.name} restyled",
            pixel_aspect=1 / image.pixel_aspect if turns % 2 else image.pixel_aspect,
        )


def family_images(name: str, count: int, seed: int) -> Iterator[SampleImage]:
    """Images of a family of :data:`tumorscope.datasets.negatives.FAMILIES`."""
    for number, image in enumerate(draw_family(name, count, seed)):
        yield SampleImage(image, f"{name} {number}", f"{name} {number}")
