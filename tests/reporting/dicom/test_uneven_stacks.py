"""What is written of a stack that leans or lacks slices is where it was found, for us and for others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from reporting.dicom.studies import SMALL, study_of

from tumorscope.io import open_scan, open_segmentation
from tumorscope.io.dicom.writers import encode_segmentation
from tumorscope.io.segmentation_alignment import onto_scan
from tumorscope.measurement.lesions import find_lesions
from tumorscope.measurement.response import Timepoint, compare_studies
from tumorscope.reporting.document import load_document, to_document, to_json
from tumorscope.reporting.mask_files import encode_mask_volume

GRID = replace(SMALL, shape=(12, 40, 36))
VOLUME_MM3 = 7 * 10 * 12 * 4.0 * 1.5 * 0.75
STACKS = {
    "even": ((0, 0), ()),
    "gap": ((0, 0), (5,)),
    "two-gaps": ((0, 0), (3, 4, 6)),
    "lean": ((0.4, -0.3), ()),
    "lean-and-gap": ((0.4, 0.7), (5,)),
}


@pytest.fixture(params=STACKS.values(), ids=STACKS.keys())
def stack(request, tmp_path):
    """A block of 7 slices, some of which may be missing, in a stack that may lean."""
    (x, y), missing = request.param
    mark = np.zeros(GRID.shape, bool)
    mark[2:9, 10:20, 8:20] = True
    study = study_of(tmp_path / "series", GRID, mark)
    for index, path in enumerate(study.files):
        image = pydicom.dcmread(path)
        moved = np.array(image.ImagePositionPatient, float) + np.array([x, y, 0]) * index
        image.ImagePositionPatient = moved.tolist()
        image.save_as(path)
    for index in missing:
        study.files[index].unlink()
    return replace(study, files=[path for path in study.files if path.exists()], scan=open_scan(tmp_path / "series"))


@pytest.fixture
def written(stack, analyzed, tmp_path):
    """The analysis, its segmentation and its mask."""
    analysis = analyzed(stack.scan, stack.mask)
    segmentation, mask = tmp_path / "seg.dcm", tmp_path / "mask.nii.gz"
    segmentation.write_bytes(encode_segmentation(analysis))
    mask.write_bytes(encode_mask_volume(analysis))
    return analysis, segmentation, mask


def center_of_marks(stack) -> np.ndarray:
    """Of the marked block by the files alone, RAS+ mm; exact where no slice is missing."""
    return np.mean(list(stack.marked_mm()), axis=0) * (-1, -1, 1)


def study_from(path: Path) -> Timepoint:
    labels = open_segmentation(path)
    lesions = find_lesions(labels.whole, labels.blank_scan(), np.zeros(labels.shape[0]))
    return Timepoint(labels.case, labels.whole, lesions, labels.affine, slice_positions=labels.slice_positions)


def test_the_volume_is_the_same_whatever_is_missing(stack, analyzed):
    (lesion,) = analyzed(stack.scan, stack.mask).lesions
    assert lesion.volume_mm3 == pytest.approx(VOLUME_MM3)
    assert lesion.extent_mm == pytest.approx((28, 15, 9))
    assert lesion.center_mm == pytest.approx(center_of_marks(stack), abs=2.1 if len(stack.files) < 12 else 0.01)


def test_what_was_written_comes_back_onto_the_same_voxels(stack, written):
    _, *files = written
    for path in files:
        assert np.array_equal(onto_scan(open_segmentation(path), stack.scan).whole, stack.mask), path.name


def test_what_was_written_has_the_same_volume_by_itself(written):
    _, segmentation, mask = written
    for path in (segmentation, mask):
        study = study_from(path)
        assert study.volume_mm3 == pytest.approx(VOLUME_MM3), path.name


def test_an_analysis_and_its_own_segmentation_are_the_same_study(written, tmp_path):
    analysis, segmentation, _ = written
    path = tmp_path / "analysis.json"
    path.write_text(to_json(to_document(analysis)))
    geometry = load_document(path).geometry
    positions = geometry.slice_positions
    before = Timepoint(
        "before",
        analysis.mask,
        analysis.lesions,
        np.array(geometry.affine),
        slice_positions=None if positions is None else np.array(positions),
    )
    response = compare_studies(before, study_from(segmentation))
    assert response.matches is not None
    assert [(match.before, match.after) for match in response.matches] == [((0,), (0,))]
    assert response.category == "SD"
    assert response.volume_mm3.relative == pytest.approx(0, abs=1e-6)


def test_simpleitk_reads_the_mask_where_the_lesion_is(stack, written):
    _, _, path = written
    image = SimpleITK.ReadImage(str(path))
    marked = np.argwhere(SimpleITK.GetArrayFromImage(image) > 0)[:, ::-1]
    places = np.array([image.TransformIndexToPhysicalPoint(place.tolist()) for place in marked])
    assert len(places) * np.prod(image.GetSpacing()) == pytest.approx(VOLUME_MM3)
    # Half a pixel where the stack leans, and a slice where one at the side of the gap is shown in it.
    assert np.abs(places.mean(axis=0) * (-1, -1, 1) - center_of_marks(stack)).max() < (
        2.1 if len(stack.files) < 12 else 0.4
    )


def test_simpleitk_reads_the_segmentation(stack, written):
    """Its images know neither gaps nor leaning stacks: which voxels are marked is right, their size with a gap is not."""
    _, path, _ = written
    image = SimpleITK.ReadImage(str(path))
    even = stack.scan.geometry.is_even
    assert image.GetSize() == (36, 40, np.count_nonzero(stack.mask.any(axis=(1, 2))) if even else len(stack.files))
    assert np.count_nonzero(SimpleITK.GetArrayFromImage(image)) == stack.mask.sum()
    if even:
        assert image.GetSpacing() == pytest.approx((0.75, 1.5, 4))
