from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from reading.dicom.segmentations import COMPLETE, write_segmentation
from reading.files import heads, write_dicom, write_series

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io.dicom.seg_reader import read_dicom_segmentation

SHAPE = (9, 23, 19)
"""Frames of one bit per pixel begin in the middle of a byte."""
SLICE_ML = 8 * 6 * 0.5 * 0.75 * 3 / 1000
"""Of the block that is marked, in one slice of 3 mm."""


def block(*slices: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[list(slices), 4:12, 5:11] = True
    return mask


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return write_series(tmp_path / "mr", heads(*SHAPE), **COMPLETE)


def volume_ml(path: Path) -> float:
    found = read_dicom_segmentation(path)
    return sum(found.geometry.volume_mm3(mask.sum(axis=(1, 2))) for _, mask in found.masks()) / 1000


@pytest.mark.parametrize("spacing", [True, False])
@pytest.mark.parametrize("slices", [(3, 7), (2, 3, 4), (4,), (0, 4, 5, 8)])
def test_a_slice_is_as_thick_as_it_is_however_far_the_next_frame_is(tmp_path, images, slices, spacing):
    path = write_segmentation(tmp_path / "s.dcm", images, block(*slices), spacing=spacing)
    assert volume_ml(path) == pytest.approx(len(slices) * SLICE_ML)
    found = read_dicom_segmentation(path)
    assert found.geometry.spacing_mm == pytest.approx((3, 0.5, 0.75))
    (_, mask), positions = next(found.masks()), np.array(slices) - slices[0]
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == positions.tolist()


def test_neighboring_frames_tell_their_distance_where_slices_have_gaps_between_them(tmp_path):
    images = write_series(tmp_path / "mr", heads(*SHAPE), **{**COMPLETE, "SliceThickness": 2.4})
    path = write_segmentation(tmp_path / "s.dcm", images, block(2, 3, 4, 7), spacing=False)
    assert volume_ml(path) == pytest.approx(4 * SLICE_ML)


@pytest.mark.parametrize("omit", [True, False])
def test_the_background_of_a_label_map_is_not_a_lesion(tmp_path, images, omit):
    path = write_segmentation(
        tmp_path / "s.dcm", images, block(3, 4), np.roll(block(6), 8, axis=1), kind="LABELMAP", omit_empty_frames=omit
    )
    labels = [str(segment.SegmentLabel) for segment in pydicom.dcmread(path).SegmentSequence]
    assert labels == ["Background", "tumor 1", "tumor 2"]
    found = read_dicom_segmentation(path)
    assert [(name, int(mask.sum())) for name, mask in found.masks()] == [("tumor 1", 96), ("tumor 2", 48)]


def test_a_segment_named_background_is_none_either(tmp_path, images):
    path = write_segmentation(tmp_path / "s.dcm", images, ~block(3, 4), block(3, 4))
    dataset = pydicom.dcmread(path)
    dataset.SegmentSequence[0].SegmentLabel = "Background"
    dataset.save_as(path)
    assert [name for name, _ in read_dicom_segmentation(path).masks()] == ["tumor 2"]


def test_gaps_between_frames_of_all_images_are_those_of_the_images(tmp_path, images):
    kept = [image for index, image in enumerate(images) if index != 4]
    mask = np.delete(block(2, 3, 5, 6), 4, axis=0)
    path = write_segmentation(tmp_path / "s.dcm", kept, mask, omit_empty_frames=False, spacing=True)
    found = read_dicom_segmentation(path)
    assert found.geometry.slice_positions == pytest.approx([0, 1, 2, 3, 5, 6, 7, 8])
    assert volume_ml(path) == pytest.approx(5 * SLICE_ML), "slices 3 and 5 stand in for the missing one between them"
    assert "slices may be missing" in texts(found.notes)[0]


def test_a_leaning_segmentation_is_read_where_it_is(tmp_path):
    images = [
        write_dicom(
            tmp_path / f"{k}.dcm",
            heads(*SHAPE)[k],
            ImagePositionPatient=[0.5 * k, 0, 3.0 * k],
            PixelSpacing=[0.5, 0.75],
            SliceThickness=3,
            SpacingBetweenSlices=None,
            InstanceNumber=k + 1,
            **COMPLETE,
        )
        for k in range(SHAPE[0])
    ]
    path = write_segmentation(tmp_path / "s.dcm", images, block(3, 4, 7))
    found = read_dicom_segmentation(path)
    assert found.geometry.spacing_mm == pytest.approx((3, 0.5, 0.75))
    _, mask = next(found.masks())
    first = found.geometry.to_mm(np.argwhere(mask)[0])
    assert first == pytest.approx([-(0.5 * 3 + 5 * 0.75), -4 * 0.5, 9])
    assert volume_ml(path) == pytest.approx(3 * SLICE_ML)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: setattr(d, "NumberOfFrames", 5), "not described one by one"),
        (lambda d: d.__delitem__("PerFrameFunctionalGroupsSequence"), "not readable as a volume"),
        (lambda d: d.PerFrameFunctionalGroupsSequence[0].__delitem__("PlanePositionSequence"), "without a position"),
        (lambda d: setattr(d, "PixelData", d.PixelData[:10]), "not readable as a volume"),
        (lambda d: _spread(d), "more than the"),
    ],
)
def test_what_cannot_be_a_volume_is_refused_in_one_line(tmp_path, images, damage, message):
    path = write_segmentation(tmp_path / "s.dcm", images, block(3, 4))
    dataset = pydicom.dcmread(path)
    damage(dataset)
    dataset.save_as(path)
    with pytest.raises(UnreadableScan, match=message) as error:
        read_dicom_segmentation(path)
    assert "\n" not in str(error.value)


def _spread(dataset: pydicom.Dataset) -> None:
    """Frames so far apart that all slices between them would fill the memory."""
    dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 3e9]
