import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from making import bright_flair, write_bundle
from reporting.dicom.studies import study_of

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.inference.analysis import analyze
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import Engine
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.io import open_scan
from tumorscope.io.dicom.writers import encode_segmentation
from tumorscope.measurement.rulers import Ruler
from tumorscope.reporting.document import to_document
from tumorscope.reporting.wording import finding_line, finding_sentence
from tumorscope.studies.revision import CORRECTED, revise


def scan(affine=None) -> Scan:
    """A round head with a bright spot in the middle one of three slices."""
    rows, columns = np.mgrid[:96, :96]
    head = ((rows - 48) ** 2 + (columns - 48) ** 2 < 43**2) * 100.0
    voxels = head[None, ..., None].repeat(3, 0).repeat(3, 3)
    voxels += np.random.default_rng(0).normal(0, 5, voxels.shape) * (head > 0)[None, ..., None]
    voxels[1, ..., 1][(rows - 40) ** 2 + (columns - 55) ** 2 < 10**2] += 150
    return Scan(voxels, ("t1", "flair", "t1c"), "case", "volume", affine)


def drawn() -> np.ndarray:
    """A square of ten by ten pixels in two slices."""
    mask = np.zeros((3, 96, 96), bool)
    mask[1:, 60:70, 30:40] = True
    return mask


@pytest.fixture
def engine(tmp_path) -> Engine:
    """Its bundle is on disk, as documents contain its hash."""
    return Engine(load_bundle(str(write_bundle(tmp_path / "bundle", b"a model"))), "fake", "float", bright_flair)


def test_measurements_follow_the_new_segmentation_and_probabilities_stay(engine):
    before = analyze(scan(np.diag([0.5, 0.5, 6.0, 1])), engine, input_check=False)
    after = revise(before, engine, drawn())
    assert [finding.area_px for finding in after.slices] == [0, 100, 100]
    assert [finding.area_mm2 for finding in after.slices] == [0, 25, 25]
    assert after.volume_mm3 == pytest.approx(200 * 0.25 * 6)
    assert len(after.lesions) == 1
    np.testing.assert_allclose(after.lesions[0].center, (1.5, 64.5, 34.5))
    assert [finding.tumor_probability for finding in after.slices] == [
        finding.tumor_probability for finding in before.slices
    ]
    assert after.tumor_probability == before.tumor_probability
    assert after.tumor_type == before.tumor_type


def test_a_corrected_analysis_is_marked_as_corrected(engine):
    after = revise(analyze(scan(), engine, input_check=False), engine, drawn())
    document = to_document(after)
    assert document.corrected is True
    assert document.warnings[0] == CORRECTED
    assert "corrected by hand" in finding_sentence(after)
    assert "one lesion" in finding_sentence(after)
    assert "by hand" in finding_line(after)
    assert not to_document(analyze(scan(), engine, input_check=False)).corrected


def test_the_versions_document_keeps_the_rulers_drawn_with_it(engine):
    ruler = Ruler("slice", (1, 0, 0), (1, 30, 40))
    for affine, length, unit in ((np.diag([0.5, 0.5, 6.0, 1]), 25.0, "mm"), (None, 50.0, "px")):
        after = revise(analyze(scan(affine), engine, input_check=False), engine, drawn())
        (entry,) = to_document(replace(after, rulers=(ruler,))).rulers
        assert (entry.axis, entry.start, entry.end) == ("slice", (1, 0, 0), (1, 30, 40))
        assert (entry.length, entry.unit) == (length, unit)
    assert to_document(after).rulers == []


def test_removing_the_segmentation_means_no_tumor(engine):
    after = revise(analyze(scan(), engine, input_check=False), engine, np.zeros((3, 96, 96), bool))
    assert not after.tumor_present
    assert after.lesions == ()
    assert finding_sentence(after).startswith("No tumor segmented")
    assert to_document(after).tumor_present is False


def test_the_type_by_radiomics_is_of_the_new_segmentation(engine, monkeypatch):
    before = analyze(scan(), engine, input_check=False)
    asked = []
    monkeypatch.setattr(Engine, "classify_by_radiomics", lambda engine, voxels, mask: asked.append(mask))
    revise(before, engine, drawn())
    np.testing.assert_array_equal(asked[0], drawn())


def test_a_type_that_the_network_doubts_is_not_named_after_a_correction_either(engine, monkeypatch):
    unsure = TypeFinding(None, "glioma", 0.95, {"glioma": 0.95, "meningioma": 0.05}, 0.6, "other_or_unsure")
    sure = TypeFinding("meningioma", "meningioma", 0.9, {"glioma": 0.1, "meningioma": 0.9}, 0.6)
    monkeypatch.setattr(Engine, "classify_by_radiomics", lambda engine, voxels, mask: sure)
    before = replace(analyze(scan(), engine, input_check=False), tumor_type=unsure)
    found = revise(before, engine, drawn()).radiomics_classifier
    assert (found.name, found.likeliest, found.doubt) == (None, "meningioma", "other_or_unsure")
    for other in (None, sure, TypeFinding(None, "glioma", 0.5, {"glioma": 0.5}, 0.6, "low_probability")):
        assert revise(replace(before, tumor_type=other), engine, drawn()).radiomics_classifier == sure


def test_a_corrected_segmentation_is_semiautomatic_in_dicom(engine, tmp_path):
    study_of(tmp_path / "study")
    dicom = open_scan(tmp_path / "study")
    before = analyze(dicom, engine, input_check=False)
    mask = np.zeros(dicom.shape, bool)
    mask[1, 4:9, 4:9] = True
    content = encode_segmentation(revise(before, engine, mask))
    segments = pydicom.dcmread(io.BytesIO(content)).SegmentSequence
    assert [segment.SegmentAlgorithmType for segment in segments] == ["SEMIAUTOMATIC"]


def test_a_mask_of_another_shape_is_refused(engine):
    with pytest.raises(TumorscopeError, match="shape"):
        revise(analyze(scan(), engine, input_check=False), engine, np.zeros((3, 96, 95), bool))


def test_a_rejected_scan_cannot_be_corrected(engine):
    noise = Scan(np.random.default_rng(0).normal(size=(3, 96, 96, 3)), ("t1", "flair", "t1c"), "noise", "volume")
    before = analyze(noise, engine)
    assert not before.assessed
    with pytest.raises(TumorscopeError, match="not assessed"):
        revise(before, engine, drawn())
