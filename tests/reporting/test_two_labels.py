"""A study with FLAIR and T1c has a whole tumor and an enhancing tumor, in every output."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from two_labels import AFFINE, CORE, EDEMA, NECROSIS, box, scan_of, two_labels

from tumorscope.core.errors import TumorscopeError
from tumorscope.inference.full_study import SMALLEST_MM, UPTAKE_UNKNOWN
from tumorscope.reporting.bids import write_bids
from tumorscope.reporting.document import load_document, masks_from_document, to_document, to_json
from tumorscope.reporting.mask_files import label_map, label_values
from tumorscope.reporting.report_content import build_report
from tumorscope.reporting.results import write_results
from tumorscope.reporting.wording import finding_line, finding_sentence

ELSEWHERE = box(slice(3, 5), slice(40, 50), slice(72, 82))
"""Ten by ten pixels, with twelve columns between it and what the FLAIR network segments."""


def codes(analysis) -> list[str]:
    return [note.code for note in analysis.warnings]


def text(analysis, code: str) -> str:
    return next(note.text for note in analysis.warnings if note.code == code)


@pytest.fixture
def both(analyzed):
    return two_labels(analyzed)


def test_the_enhancing_tumor_is_what_takes_up_contrast_of_what_the_t1c_network_segments(both):
    whole, enhancing = both.labels
    assert (whole.label, enhancing.label) == ("whole tumor", "enhancing tumor")
    np.testing.assert_array_equal(enhancing.mask, CORE & ~NECROSIS)
    np.testing.assert_array_equal(whole.mask, EDEMA)
    assert whole.volume_mm3 == 4 * 30 * 30 * 4
    assert enhancing.volume_mm3 == 2 * (16 * 16 - 8 * 8) * 4
    assert [finding.area_mm2 for finding in enhancing.slices] == [0, 0, 0, 192, 192, 0, 0, 0]
    assert codes(both) == []


def test_each_label_has_its_own_diameters(analyzed):
    solid = two_labels(analyzed, scan=scan_of(CORE))
    for label, side in zip(solid.labels, (30, 16), strict=True):
        (lesion,) = label.lesions
        # Half-way between pixel centers, a square of n pixels has the diagonal of n - 1 pixels and two half pixels.
        assert lesion.diameters.longest.length == pytest.approx(np.hypot(side, side), abs=1.1)
        assert lesion.measurable


def test_the_type_is_the_t1c_networks_and_the_bundles_are_both(both):
    assert both.tumor_type.name == "glioma"
    assert [label.bundle.name for label in both.labels] == ["on-flair", "on-t1c"]


def test_enhancing_tumor_outside_of_the_mask_on_flair_joins_the_whole_tumor_and_a_note_says_how_much(analyzed):
    core = box(slice(3, 5), slice(40, 50), slice(50, 70))  # half of it beyond column 60
    both = two_labels(analyzed, t1c=core, scan=scan_of(core))
    np.testing.assert_array_equal(both.mask, EDEMA | core)
    assert not (both.parts[0].mask & ~both.mask).any()
    assert both.volume_mm3 == (4 * 30 * 30 + 2 * 10 * 10) * 4
    assert codes(both) == ["enhancing_outside"]
    assert text(both, "enhancing_outside").startswith("50 % of the enhancing tumor (0.8 ml)")


def test_an_enhancing_lesion_far_from_the_mask_on_flair_is_a_lesion_with_a_note_on_its_distance(analyzed):
    both = two_labels(analyzed, t1c=CORE | ELSEWHERE, scan=scan_of(CORE | ELSEWHERE))
    assert [len(label.lesions) for label in both.labels] == [2, 2]
    assert codes(both) == ["enhancing_outside", "enhancing_apart"]
    assert text(both, "enhancing_apart") == "an enhancing lesion is 13 mm away from the mask on FLAIR"


def test_thin_enhancing_parts_elsewhere_are_no_lesions(analyzed):
    vessel = box(slice(3, 5), slice(30, 60), slice(75, 78))
    both = two_labels(analyzed, t1c=CORE | vessel, scan=scan_of(CORE | vessel))
    np.testing.assert_array_equal(both.parts[0].mask, CORE)
    assert codes(both) == ["small_components"]
    assert f"under {SMALLEST_MM:g} mm" in text(both, "small_components")


@pytest.mark.parametrize("on_flair", [True, False])
def test_a_tumor_that_one_network_finds_is_present_and_the_disagreement_comes_first(analyzed, on_flair):
    nothing = np.zeros_like(CORE)
    both = two_labels(analyzed, *((EDEMA, nothing) if on_flair else (nothing, CORE)))
    assert both.tumor_present
    assert both.tumor_probability > 0.9  # of the network that finds it
    assert codes(both)[0] == "networks_disagree"
    finds = "bundle on-flair finds a tumor on FLAIR" if on_flair else "bundle on-t1c finds a tumor on T1 with contrast"
    assert text(both, "networks_disagree").startswith(finds)
    assert [label.mask.any() for label in both.labels] == [True, not on_flair]
    document = to_document(both)
    assert [label.tumor_present for label in document.labels] == [on_flair, not on_flair]


def test_networks_that_segment_different_places_disagree(analyzed):
    both = two_labels(analyzed, t1c=ELSEWHERE, scan=scan_of(ELSEWHERE))
    assert codes(both) == ["networks_disagree", "enhancing_outside", "enhancing_apart"]
    assert "0 % of the second mask is in the first" in text(both, "networks_disagree")


def test_neither_finds_a_tumor(analyzed):
    nothing = np.zeros_like(CORE)
    both = two_labels(analyzed, nothing, nothing, scan_of(nothing))
    assert not both.tumor_present
    assert codes(both) == []
    assert [label.lesions for label in both.labels] == [(), ()]


def test_without_a_scan_before_contrast_the_mask_stays_and_a_note_says_so(analyzed):
    both = two_labels(analyzed, scan=scan_of(CORE & ~NECROSIS, before_contrast=False))
    np.testing.assert_array_equal(both.parts[0].mask, CORE)
    assert both.warnings == (UPTAKE_UNKNOWN,)


def test_without_a_voxel_size_sizes_are_in_pixels(analyzed):
    core = box(slice(3, 5), slice(40, 50), slice(50, 70))
    both = two_labels(analyzed, t1c=core, scan=scan_of(core, affine=None))
    assert both.volume_mm3 is None
    assert "(200 voxels)" in text(both, "enhancing_outside")


def test_a_label_is_the_sum_of_its_values_in_the_masks_file(both, tmp_path):
    assert label_values(both) == ((1, 2), (2,))
    paths = write_results(both, tmp_path)
    document = load_document(paths["analysis"])
    stored = np.asarray(nibabel.load(paths["mask"]).dataobj).transpose(2, 1, 0)
    assert np.unique(stored).tolist() == [0, 1, 2]
    for label, entry, (name, mask) in zip(both.labels, document.labels, masks_from_document(document), strict=True):
        np.testing.assert_array_equal(np.isin(stored, entry.values), label.mask)
        np.testing.assert_array_equal(mask, label.mask)
        assert (entry.name, name) == (label.label, label.label)
        assert entry.voxels == label.mask.sum()
        assert entry.volume_mm3 == label.volume_mm3
        assert [lesion.diameters.slice for lesion in entry.lesions] == [each.diameters.slice for each in label.lesions]
    assert document.voxels == EDEMA.sum()


def test_in_an_image_the_labels_are_gray_and_white(analyzed):
    both = two_labels(analyzed)
    one = replace(both, scan=replace(both.scan, kind="image"))
    assert label_values(one) == ((128, 255), (255,))
    assert np.unique(label_map(one)).tolist() == [0, 128, 255]


def test_the_analysis_of_one_bundle_has_no_labels_and_its_mask_is_one(analyzed):
    alone = analyzed(scan_of(CORE), EDEMA)
    assert json.loads(to_json(to_document(alone)))["labels"] == []
    assert label_values(alone) == ((1,),)
    assert [name for name, _ in masks_from_document(to_document(alone))] == ["tumor"]


def test_a_damaged_label_is_refused(both):
    document = to_document(both)
    broken = document.labels[1].model_copy(update={"mask_rle": document.labels[1].mask_rle[:-1]})
    with pytest.raises(TumorscopeError, match="mask is damaged"):
        masks_from_document(document.model_copy(update={"labels": [document.labels[0], broken]}))


def test_the_grid_is_the_scans(both, tmp_path):
    image = nibabel.load(write_results(both, tmp_path)["mask"])
    np.testing.assert_allclose(image.affine, AFFINE)


def test_the_finding_names_both_labels(analyzed, both):
    assert finding_sentence(both) == (
        "Tumor found in 4 of 8 slices (probability 0.94): one lesion of 14.4 ml, largest in slice 3; enhancing tumor: "
        "one lesion of 1.5 ml, largest in slice 4."
    )
    assert "14.4 ml in one lesion · enhancing tumor 1.5 ml · glioma 0.90" in finding_line(both)
    alone = two_labels(analyzed, t1c=np.zeros_like(CORE))
    assert finding_sentence(alone).endswith("largest in slice 3; no enhancing tumor.")
    on_t1c = two_labels(analyzed, np.zeros_like(EDEMA), CORE)
    assert finding_sentence(on_t1c).startswith("Tumor found in 2 of 8 slices on T1 with contrast only (probability 0.9")


def test_the_report_has_a_section_and_diameters_for_the_enhancing_tumor_and_warnings_with_the_findings(analyzed):
    report = build_report(two_labels(analyzed, t1c=CORE | ELSEWHERE, scan=scan_of(CORE | ELSEWHERE)))
    (part,) = report.parts
    assert part.heading == "Enhancing tumor, on T1 with contrast"
    assert len(part.measurements.rows) == 2
    assert [name for name, _ in report.facts if name.startswith("Enhancing")] == [
        "Enhancing total volume",
        "Enhancing lesions",
        "Enhancing diameters of the largest lesion",
    ]
    assert "outside of the mask on FLAIR" in report.warnings[0]
    assert [name for name, _ in report.bundle if name.startswith("Bundle")] == [
        "Bundle, whole tumor",
        "Bundle, enhancing tumor",
    ]
    assert len({figure.name for figure in report.figures}) == len(report.figures)


def test_bids_has_a_mask_for_each_label(both, tmp_path):
    paths = write_bids(both, tmp_path)
    assert paths["enhancing"].name == "sub-case_label-enhancing_desc-tumor_mask.nii.gz"
    for key, label in (("mask", both), ("enhancing", both.parts[0])):
        stored = np.asarray(nibabel.load(paths[key]).dataobj)
        assert np.unique(stored).tolist() == [0, 1]
        assert stored.sum() == label.mask.sum()
    assert json.loads(paths["enhancing_sidecar"].read_text())["Bundle"]["Name"] == "on-t1c"
