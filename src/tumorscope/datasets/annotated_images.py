"""Single image files with their annotations, as several data sets publish them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.inference.model_card import NO_TUMOR
from tumorscope.io.checks import checked
from tumorscope.io.color import to_gray
from tumorscope.io.raster import read_raster
from tumorscope.io.segmentation_reader import read_mask


@dataclass(frozen=True)
class AnnotatedImage:
    """One image file with its publisher's annotations.

    Attributes:
        path: the image.
        case: its name within the data set.
        patient: the group that must stay in one part of a split.
        present: whether it shows a tumor.
        mask: the mask's file, or None if the publisher gives none.
        tumor_class: the class, or None if the publisher names none.
        sequence: the MRI sequence, or ``"unknown"``.
        part: the published part, such as ``train``; empty if there is none.
        plane: ``axial``, ``coronal`` or ``sagittal``; empty if unknown.
    """

    path: Path
    case: str
    patient: str
    present: bool
    mask: Path | None = None
    tumor_class: str | None = None
    sequence: str = "unknown"
    part: str = ""
    plane: str = ""
    person: ClassVar[None] = None

    @property
    def label(self) -> str:
        """The class, or ``tumor`` and ``notumor`` if the publisher names none."""
        return self.tumor_class or ("tumor" if self.present else NO_TUMOR)

    @property
    def has_mask(self) -> bool:
        """Whether there is a mask file."""
        return self.mask is not None

    @property
    def caption(self) -> str:
        """The file's name."""
        return self.path.name

    def scan(self) -> Scan:
        """The image in gray.

        Raises:
            UnreadableScan: damaged, with several pages, or without contrast.
        """
        return read_gray(self.path, self.case, self.sequence)

    def truth(self) -> GroundTruth:
        """Presence, and mask and class if the publisher gives them. An image without a tumor has an empty mask.

        Raises:
            UnreadableScan: the mask is damaged or its shape differs from the image's.
        """
        if self.mask is not None:
            mask = read_mask(self.mask, self.scan())
        else:
            mask = None if self.present else np.zeros(self.scan().shape, bool)
        return GroundTruth(present=np.array([self.present]), mask=mask, tumor_class=self.tumor_class)


def read_gray(path: Path, case: str, sequence: str = "unknown") -> Scan:
    """An image file in gray whatever its color mode, so that the way of storing does not reveal the class.

    Raises:
        UnreadableScan: damaged, with several pages, or without contrast.
    """
    pixels = read_raster(path)
    if pixels.ndim != 3:
        raise UnreadableScan(f"{case}: an image of several pages; save each as its own file")
    gray = pixels if pixels.shape[-1] == 1 else to_gray(pixels)
    return checked(
        Scan(
            voxels=gray[None],
            sequences=(sequence,),
            case=path.stem,
            kind="image",
            slice_names=(path.name,),
            source=path,
        )
    )
