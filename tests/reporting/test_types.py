"""Tumor types by both classifiers, activation maps and rejected scans on the panel, in the report and in the JSON."""

import re
from dataclasses import replace

import numpy as np
import pytest
from reporting.rejected import rejected

from tumorscope.inference.activation_maps import ActivationMap
from tumorscope.inference.quality_notes import REJECTED_BY_APPEARANCE
from tumorscope.inference.tumor_type import type_finding
from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.head import Box
from tumorscope.reporting.document import to_document
from tumorscope.reporting.html import render_html
from tumorscope.reporting.panel import draw_panel
from tumorscope.reporting.report_content import build_report
from tumorscope.reporting.wording import finding_line, finding_sentence, radiomics_sentence, type_sentence, types_agree

SURE = {"glioma": 0.91, "meningioma": 0.06, "pituitary": 0.03}
OTHER = {"glioma": 0.2, "meningioma": 0.1, "pituitary": 0.7}


@pytest.fixture
def typed(analyzed, folder_scan, mask):
    return replace(analyzed(folder_scan, mask), tumor_type=type_finding(SURE, 0.6))


def with_map(analysis):
    _, rows, columns = analysis.scan.shape
    values = np.zeros((len(analysis.slices), 4, 4), np.float32)
    values[:, 1, 1] = 2.0
    crop_resize = CropResize((rows, columns), Box(0, 0, rows, columns), 64)
    return replace(analysis, activation=ActivationMap("type", ("glioma",) * len(analysis.slices), values, crop_resize))


def test_a_type_is_named_with_its_probability_or_reported_as_uncertain(typed):
    assert finding_line(typed).endswith("glioma 0.91")
    assert type_sentence(typed.tumor_type) == "Likeliest type: glioma (probability 0.91)."
    unsure = type_finding({"glioma": 0.5, "meningioma": 0.3, "pituitary": 0.2}, 0.6)
    assert "uncertain" in finding_line(replace(typed, tumor_type=unsure))
    assert "0.50 is below 0.60" in type_sentence(unsure)
    assert "pituitary tumor" in type_sentence(type_finding(OTHER, 0.6))


def test_the_document_has_both_types_and_whether_they_agree(typed):
    document = to_document(replace(typed, radiomics_classifier=type_finding(OTHER, 0.6)))
    assert document.tumor_type.name == "glioma"
    assert document.tumor_type.type_probabilities == SURE
    assert document.radiomics_classifier.likeliest == "pituitary"
    assert document.types_agree is False
    assert to_document(replace(typed, radiomics_classifier=type_finding(SURE, 0.6))).types_agree is True
    assert to_document(typed).types_agree is None


def test_the_report_states_disagreement(typed):
    disagreeing = replace(typed, radiomics_classifier=type_finding(OTHER, 0.6))
    assert types_agree(disagreeing) is False
    page = render_html(build_report(disagreeing)).decode()
    assert "disagrees (pituitary tumor, probability 0.70)" in page
    assert radiomics_sentence(typed) is None
    for name in ("glioma", "meningioma", "pituitary tumor"):
        assert f'<th scope="row">{name}</th>' in page


def test_an_activation_map_is_one_more_column_of_the_panel_and_one_sentence_of_the_report(typed):
    explained = with_map(typed)
    plain, more = draw_panel(typed), draw_panel(explained)
    assert more.width > plain.width
    page = render_html(build_report(explained)).decode()
    assert "contributions to the likeliest type" in page
    assert "% of it is inside the predicted mask" in page


def test_a_map_is_strongest_where_the_network_looked_and_stays_inside_the_frame():
    values = np.zeros((1, 4, 4), np.float32)
    values[0, 0, 3] = 1.0
    values[0, 3, 0] = -5.0  # what speaks against the prediction is not shown
    shown = ActivationMap("presence", ("tumor",), values, CropResize((80, 120), Box(10, 20, 60, 60), 64)).on_slice(0)
    assert shown.shape == (80, 120)
    assert shown.max() == pytest.approx(1)
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    assert 10 <= row < 25
    assert 65 <= column < 80
    assert shown[:10].max() == 0
    assert shown[50:, :50].max() == 0


def test_energy_inside_is_a_share_and_nothing_without_mask_or_map():
    values = np.ones((1, 4, 4), np.float32)
    activation = ActivationMap("presence", ("tumor",), values, CropResize((64, 64), Box(0, 0, 64, 64), 64))
    half = np.zeros((64, 64), bool)
    half[:32] = True
    assert activation.energy_inside(0, half) == pytest.approx(0.5)
    assert activation.energy_inside(0, np.zeros_like(half)) is None
    silent = replace(activation, values=-values)
    assert silent.energy_inside(0, half) is None


def test_a_rejected_scan_is_reported_as_not_assessed_everywhere(typed):
    refused = rejected(typed)
    assert "Not assessed" in finding_line(refused)
    assert "Not assessed" in finding_sentence(refused)
    document = to_document(refused)
    assert document.input_rejected == REJECTED_BY_APPEARANCE
    assert document.tumor_present is None
    assert document.tumor_probability is None
    assert {part.tumor_probability for part in document.slices} == {None}
    assert draw_panel(refused).width > 0
    page = render_html(build_report(refused)).decode()
    assert "does not look like an MRI of a head" in page
    assert "nan" not in re.sub('base64,[^"]*', "", page).lower()
