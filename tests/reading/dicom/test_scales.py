"""Scales that a header states beyond slope and intercept are told, and so is an inversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_making import Grid, write_series
from pydicom import Dataset, dcmread

from tumorscope.core.note import texts
from tumorscope.io import open_scan

SMALL = Grid((6, 24, 20), (20.0, 9.6, 10.0))


def with_scale_slopes(folder: Path, slopes: list[float]) -> Path:
    for path, slope in zip(write_series(folder, "flair", SMALL), slopes, strict=True):
        dataset = dcmread(path)
        dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", slope)
        dataset.save_as(path)
    return folder


@pytest.mark.parametrize(
    ("slopes", "told"),
    [
        ([0.0123] * 6, "0.0123, is stated and not applied"),
        (
            [0.01, 0.02] * 3,
            "0.01 to 0.02, is stated and not applied; it differs between slices, whose brightness may not be comparable",
        ),
    ],
)
def test_the_private_scale_of_philips_is_told(tmp_path: Path, slopes: list[float], told: str):
    plain = write_series(tmp_path / "plain", "flair", SMALL)[0].parent
    scan = open_scan(with_scale_slopes(tmp_path / "s", slopes))
    assert f"Philips' private scale slope, {told}" in texts(scan.notes)
    assert np.array_equal(scan.voxels, open_scan(plain).voxels)


@pytest.mark.parametrize("enhanced", [False, True])
def test_a_real_world_value_mapping_is_told(tmp_path: Path, enhanced: bool):
    mapping = Dataset()
    mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped = 0, 4095
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 2.5, 0.0
    for path in write_series(tmp_path / "s", "flair", SMALL, enhanced=enhanced):
        dataset = dcmread(path)
        place = dataset.SharedFunctionalGroupsSequence[0] if enhanced else dataset
        place.RealWorldValueMappingSequence = [mapping]
        dataset.save_as(path)
    notes = texts(open_scan(tmp_path / "s").notes)
    assert "a Real World Value Mapping is stated and not applied; values are those of slope and intercept" in notes


def test_an_inversion_is_told(tmp_path: Path):
    files = write_series(tmp_path / "s", "flair", SMALL)
    assert not any("MONOCHROME1" in note for note in texts(open_scan(tmp_path / "s").notes))
    for path in files[:2]:
        dataset = dcmread(path)
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.save_as(path)
    assert "2 of 6 images are MONOCHROME1, which stores bright as small: inverted" in texts(
        open_scan(tmp_path / "s").notes
    )
    assert "the image is MONOCHROME1, which stores bright as small: inverted" in texts(open_scan(files[0]).notes)
