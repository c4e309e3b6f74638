"""Compartments by one bundle in every output: nested, with names of the user's own."""

from __future__ import annotations

import io
import json

import nibabel
import numpy as np
import pydicom
import pytest
from reporting.dicom.studies import study_of

from tumorscope.inference.analysis_result import with_compartments
from tumorscope.io import open_segmentation
from tumorscope.io.dicom.writers import encode_segmentation, encode_structure_set, encode_structured_report
from tumorscope.reporting.bids import write_bids
from tumorscope.reporting.document import load_document, masks_from_document
from tumorscope.reporting.mask_files import label_map, label_values
from tumorscope.reporting.panel import draw_panel
from tumorscope.reporting.report_content import build_report
from tumorscope.reporting.results import write_results
from tumorscope.reporting.wording import finding_sentence
from tumorscope.studies.revision import revise

COMPARTMENTS = [
    {"name": "abnormal", "labels": ["1", "2", "4"]},
    {"name": "core", "labels": ["1", "4"], "inside": "abnormal"},
    {"name": "necrosis", "labels": ["1"], "inside": "core"},
]


@pytest.fixture
def nested(analyzed, tmp_path):
    """On the DICOM phantom: 8×8 pixels in two slices, half of them core, and half of the core necrosis."""
    scan = study_of(tmp_path / "study").scan
    masks = np.zeros((3, *scan.shape), bool)
    for mask, width in zip(masks, (8, 4, 2), strict=True):
        mask[1:3, 4:12, 4 : 4 + width] = True
    return with_compartments(
        analyzed(scan, masks[0], compartments=COMPARTMENTS, inputs={"sequences": ["flair"]}), list(masks[1:])
    )


def test_the_label_map_nests_and_every_label_is_the_sum_of_its_values(nested, tmp_path):
    assert label_values(nested) == ((1, 2, 3), (2, 3), (3,))
    labels = label_map(nested)
    for label, values in zip(nested.labels, label_values(nested), strict=True):
        np.testing.assert_array_equal(np.isin(labels, values), label.mask)
    written = write_results(nested, tmp_path / "out")
    stored = np.asarray(nibabel.load(written["mask"]).dataobj)
    assert np.bincount(stored.ravel())[1:].tolist() == [64, 32, 32]
    document = load_document(written["analysis"])
    assert [entry.name for entry in document.labels] == ["abnormal", "core", "necrosis"]
    assert [entry.tumor_present for entry in document.labels] == [True, True, True]
    assert [int(mask.sum()) for _, mask in masks_from_document(document)] == [128, 64, 32]
    assert open_segmentation(written["segmentation"]).names == ("Abnormal", "Core", "Necrosis")


def test_segments_contours_and_reports_name_the_compartments_with_a_color_and_a_code_each(nested):
    content = encode_segmentation(nested)
    segments = pydicom.dcmread(io.BytesIO(content)).SegmentSequence
    assert [(each.SegmentLabel, each.SegmentedPropertyTypeCodeSequence[0].CodeMeaning) for each in segments] == [
        ("Abnormal", "Neoplasm"),
        ("Core", "Neoplasm"),
        ("Necrosis", "Necrosis"),
    ]
    assert len({tuple(each.RecommendedDisplayCIELabValue) for each in segments}) == 3
    assert len({each.TrackingUID for each in segments}) == 3
    contours = pydicom.dcmread(io.BytesIO(encode_structure_set(nested)))
    assert [roi.ROIName for roi in contours.StructureSetROISequence] == ["Abnormal", "Core", "Necrosis"]
    report = encode_structured_report(nested, content)
    assert all(name in report for name in (b"Abnormal", b"Core, lesion 1", b"Necrosis, lesion 1"))
    creator = pydicom.dcmread(io.BytesIO(report))
    assert creator.ManufacturerModelName == "Tumorscope made-up"  # the bundle once, not once for each label


def test_the_report_measures_each_compartment_and_names_the_bundle_once(nested, tmp_path):
    report = build_report(nested)
    assert [part.heading.partition(",")[0] for part in report.parts] == ["Core", "Necrosis"]
    names = [name for name, _ in report.facts]
    assert {"Core total volume", "Necrosis total volume"} <= set(names)
    assert [name for name, _ in report.bundle if name.startswith("Bundle")] == ["Bundle, abnormal"]
    assert "core: one lesion of" in finding_sentence(nested)
    assert "Orange dashed line: the core." in report.slices.caption
    assert draw_panel(nested).width > 0
    paths = write_bids(nested, tmp_path / "bids")
    assert paths["core"].name.endswith("_label-core_desc-tumor_mask.nii.gz")
    assert json.loads(paths["necrosis_sidecar"].read_text())["Description"].endswith("(necrosis)")


def test_a_correction_cuts_the_compartments_to_it(nested):
    class NoClassifier:
        bundle = nested.bundle

        def classify_by_radiomics(self, voxels, mask):
            np.testing.assert_array_equal(mask, kept)  # of the whole, which the type is of

    kept = nested.mask & (np.arange(nested.mask.shape[2]) < 6)
    revised = revise(nested, [NoClassifier()], kept)
    assert [int(label.mask.sum()) for label in revised.labels] == [32, 32, 32]
    assert revised.warnings[1].text == (
        "the abnormal was corrected; the core and the necrosis are what the network segments inside of it"
    )
