"""One head, acquired in any plane and stored in any order, has one set of findings."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from making import fake_engine
from reading.files import write_dicom, write_nifti

from tumorscope.inference.analysis import Analysis, analyze
from tumorscope.inference.bundles import Inputs
from tumorscope.io import open_scan
from tumorscope.preprocessing import Preparation

SPACING = 2.0
AXIAL = np.diag([-SPACING, -SPACING, SPACING, 1.0])  # columns to the left, rows to posterior, slices to superior
SHAPE = (44, 60, 52)


def head() -> np.ndarray:
    """A lopsided head with two bright lesions, ``(slice, row, column)``, each voxel of its own value."""
    z, y, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    inside = ((z - 22) / 20) ** 2 + ((y - 30) / 27) ** 2 + ((x - 26) / 23) ** 2 < 1
    volume = inside * (200 + 2 * z + y) + np.random.default_rng(3).integers(0, 20, SHAPE)
    for center, radius in (((20, 24, 34), 6), ((28, 38, 16), 4)):
        volume[(z - center[0]) ** 2 + (y - center[1]) ** 2 + (x - center[2]) ** 2 < radius**2] += 700
    return volume.astype(np.int16)


def analyzed(path: Path) -> Analysis:
    inputs = Inputs(sequences=("t1", "flair", "t1c"), substitutes=dict.fromkeys(("t1", "t1c"), ("flair", "unknown")))
    preparation = Preparation(size=64, adjacent_slices=1, slice_distance_mm=6)
    scan = open_scan(path, channels=["flair"])
    return analyze(scan, fake_engine(inputs=inputs, preparation=preparation), input_check=False, explain=True)


def findings(analysis: Analysis) -> dict[str, object]:
    """What must not depend on how the head was acquired."""
    return {
        "present": analysis.tumor_present,
        "probability": round(analysis.tumor_probability, 6),
        "voxels": int(analysis.mask.sum()),
        "volume": analysis.volume_mm3,
        "lesions": [(lesion.voxels, np.round(lesion.center_mm, 3).tolist()) for lesion in analysis.lesions],
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, object]:
    return findings(analyzed(nifti(tmp_path_factory.mktemp("axial") / "head.nii.gz", (2, 1, 0), (True, True, False))))


def nifti(path: Path, order: tuple[int, ...], flips: tuple[bool, ...]) -> Path:
    """The head with its stored axes being the given ones of ``(slice, row, column)``, some reversed."""
    affine = np.eye(4)
    for stored, axis in enumerate(order):
        affine[:3, stored] = AXIAL[:3, 2 - axis] * (-1 if flips[stored] else 1)
        if flips[stored]:
            affine[:3, 3] += AXIAL[:3, 2 - axis] * (SHAPE[axis] - 1)
    stored_volume = np.flip(head().transpose(order), [axis for axis in range(3) if flips[axis]])
    return write_nifti(path, np.ascontiguousarray(stored_volume), affine)


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_nifti_in_any_stored_order(tmp_path, expected, order):
    assert len(expected["lesions"]) == 2
    for number, flips in enumerate([(False, False, False), (True, False, True)]):
        assert findings(analyzed(nifti(tmp_path / f"{number}.nii.gz", order, flips))) == expected


@pytest.mark.parametrize(
    ("plane", "axes", "flips"),
    [
        ("axial", (0, 1, 2), (False, False, False)),
        ("axial, head first and feet first", (0, 1, 2), (True, False, False)),
        ("coronal", (1, 0, 2), (False, True, False)),
        ("sagittal", (2, 0, 1), (False, True, False)),
    ],
)
def test_dicom_of_any_plane(tmp_path, expected, plane, axes, flips):
    volume = np.flip(head().transpose(axes), [axis for axis in range(3) if flips[axis]])
    lps = np.diag([-1.0, -1.0, 1.0])
    direction = [lps @ AXIAL[:3, 2 - axis] * (-1 if flip else 1) for axis, flip in zip(axes, flips, strict=True)]
    start = sum(
        (lps @ AXIAL[:3, 2 - axis] * (SHAPE[axis] - 1) for axis, flip in zip(axes, flips, strict=True) if flip),
        start=np.zeros(3),
    )
    for number, pixels in enumerate(volume):
        write_dicom(
            tmp_path / f"{number:03}.dcm",
            pixels,
            Modality="MR",
            SeriesInstanceUID="1.2.3",
            StudyInstanceUID="1.2",
            FrameOfReferenceUID="1.2.4",
            InstanceNumber=number + 1,
            SOPInstanceUID=f"1.2.3.{number + 1}",
            SeriesDescription="FLAIR",
            PixelSpacing=[SPACING, SPACING],
            SliceThickness=SPACING,
            ImageOrientationPatient=[*(direction[2] / SPACING), *(direction[1] / SPACING)],
            ImagePositionPatient=list(start + number * direction[0]),
        )
    analysis = analyzed(tmp_path)
    assert findings(analysis) == expected
    assert analysis.mask.shape == volume.shape
    # Probabilities of acquired slices agree with the mask in them, and so do the activation maps.
    for finding, mask in zip(analysis.slices, analysis.mask, strict=True):
        assert (finding.tumor_probability >= 0.5) >= bool(mask.any())
