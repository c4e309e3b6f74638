"""Single images with their annotations, as several data sets publish them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    """One image file with what its publisher says about it.

    Attributes:
        path: the image.
        case: its name within the data set.
        patient: the group that must stay in one part of a split.
        present: whether it shows a tumor.
        mask: the mask's file, or None where the publisher gives none.
        tumor_class: the class, or None where the publisher names none.
        sequence: the MRI sequence, or ``"unknown"``.
    """

    path: Path
    case: str
    patient: str
    present: bool
    mask: Path | None = None
    tumor_class: str | None = None
    sequence: str = "unknown"

    @property
    def kind(self) -> str:
        """The class for tables: where the publisher names none, whether there is a tumor."""
        return self.tumor_class or ("tumor" if self.present else NO_TUMOR)

    @property
    def side(self) -> str:
        """The published side, such as ``train``: the folder within the task's; empty where there is none."""
        folders = self.case.split("/")
        return folders[1] if len(folders) > 3 else ""

    def scan(self) -> Scan:
        """The image in gray.

        Raises:
            UnreadableScan: damaged, of several pages, or without contrast.
        """
        return read_gray(self.path, self.case, self.sequence)

    def truth(self) -> GroundTruth:
        """Presence, and mask and class where they are given. An image without a tumor has an empty mask.

        Raises:
            UnreadableScan: the mask is damaged or of another shape than the image.
        """
        if self.mask is not None:
            mask = read_mask(self.mask, self.scan())
        else:
            mask = None if self.present else np.zeros(self.scan().shape, bool)
        return GroundTruth(present=np.array([self.present]), mask=mask, tumor_class=self.tumor_class)


def read_gray(path: Path, case: str, sequence: str = "unknown") -> Scan:
    """An image file in gray, whatever colors it is stored in, so that storage cannot give the class away.

    Raises:
        UnreadableScan: damaged, of several pages, or without contrast.
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
