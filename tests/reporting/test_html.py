import re
from dataclasses import replace

import numpy as np
import pytest
from pages import Page

from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.reporting.html import render_html
from tumorscope.reporting.report_content import build_report


def report(analysis, truth=None) -> str:
    return render_html(build_report(analysis, truth)).decode()


def test_names_that_are_html_stay_text(analyzed, folder_scan, mask):
    evil = "<script>alert(1)</script>"
    scan = replace(
        folder_scan, case=evil, slice_names=(f'"><img src=x onerror={evil}>',) * 6, notes=(Note("files_skipped", evil),)
    )
    text = report(analyzed(scan, mask, limits=[evil], title=evil, metrics={evil: {evil: evil}}))
    page = Page(text)
    assert page.tags("script") == []
    assert page.tags("img") == []
    assert page.text.count(evil) >= 5


def test_the_page_is_self_contained(analyzed, volume_scan, mask):
    text = report(analyzed(volume_scan, mask))
    page = Page(text)
    assert not re.search(r"https?://", text.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert not re.search(r"url\((?!#)|@import", text)
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object"}
        for name in ("src", "href", "srcset", "data", "xlink:href"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
        assert not [name for name in attributes if name.startswith("on")]
    assert page.tags("html")[0]["lang"] == "en"


def test_the_notice_is_at_the_top_and_at_the_bottom(analyzed, folder_scan, mask):
    text = Page(report(analyzed(folder_scan, mask))).text.strip()
    assert text.count(NOTICE) == 2
    assert text.endswith(NOTICE)


def test_the_story_has_its_order(analyzed, volume_scan, mask):
    page = Page(report(analyzed(volume_scan, mask))).text
    sentence = "Tumor found in 3 of 6 slices (probability 0.94): one lesion of 5.1 ml, largest in slice 4."
    parts = [sentence, "Key images", "Measurements", "Slice by slice", "Method", "model card (bundle)"]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_absence_is_reported_with_the_operating_point(analyzed, volume_scan, mask):
    text = Page(report(analyzed(volume_scan, np.zeros_like(mask)))).text
    assert (
        "No tumor found: the highest tumor probability of any slice is 0.15; a slice counts as one with a tumor from 0.45 "
        "on." in text
    )
    assert "Measurements" not in text


def test_millimeters_appear_only_where_they_are_known(analyzed, volume_scan, folder_scan, mask):
    known, unknown = (Page(report(analyzed(scan, mask))).text for scan in (volume_scan, folder_scan))
    assert " ml" in known
    assert "mm²" in known
    assert not re.search(r"\d (ml|mm²|mm³|mm)\b", unknown)
    assert "does not give the voxel size" in unknown
    assert " px" in unknown


def test_dice_appears_only_with_a_true_mask(analyzed, folder_scan, mask, truth):
    analysis = analyzed(folder_scan, mask)
    assert "Dice with the true mask" not in report(analysis)
    overlap = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    assert f"<dt>Dice with the true mask (1: the same)</dt><dd>{overlap:.3f}</dd>" in report(analysis, truth)
    nothing = np.zeros_like(mask)
    assert "both masks are empty" in report(analyzed(folder_scan, nothing), nothing)


def test_every_slice_has_a_bar_and_a_row(analyzed, folder_scan, mask):
    page = Page(report(analyzed(folder_scan, mask)))
    assert len(page.tags("rect")) == 6 + 3  # one of probability each, and one of area where there is any
    for name in folder_scan.slice_names:
        assert name in page.text


def test_a_single_image_needs_no_chart(analyzed):
    scan = Scan(np.ones((1, 40, 40, 1), np.uint8), ("unknown",), "one", "image")
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 3:6, 3:6] = True
    page = Page(report(analyzed(scan, mask)))
    assert page.tags("rect") == []
    assert "Tumor found (probability 0.90): one lesion of 9 px." in page.text


def test_figures_have_alternative_text(analyzed, folder_scan, mask):
    page = Page(report(analyzed(folder_scan, mask)))
    drawings = [attributes for tag, attributes in page.elements if attributes.get("role") == "img"]
    assert len(drawings) == len(page.tags("svg")) == 3
    assert all(len(drawing["aria-label"] or "") > 25 for drawing in drawings)


def test_the_method_names_the_bundle_its_hash_and_its_metrics(analyzed, folder_scan, mask):
    analysis = analyzed(folder_scan, mask)
    text = Page(report(analysis)).text
    for part in (
        "made-up 1.2.3",
        analysis.bundle.sha256,
        "onnxruntime",
        "Dice 0.86",
        "0.81 to 0.90",
        f"tumorscope bundles {analysis.bundle.name}",
    ):
        assert part in text


def test_warnings_are_announced_with_the_findings(analyzed, folder_scan, volume_scan, mask):
    page = Page(report(analyzed(folder_scan, mask)))
    (warning,) = folder_scan.notes
    places = [page.text.index(part) for part in ("Warning", warning.text[3:], "Tumor found", "What not to conclude")]
    assert places == sorted(places)
    told = replace(volume_scan, notes=(Note("series_resampled", "t1 resampled onto the slices of flair"),))
    page = Page(report(analyzed(told, mask)))
    assert "Warning" not in page.text
    assert page.text.index("Method") < page.text.index("T1 resampled onto the slices of flair")


@pytest.mark.parametrize("case", ["患者\udcff\n1", "a\x00b", "\u202eevil"])
def test_any_name_gives_a_page_in_utf8(analyzed, folder_scan, mask, case):
    assert "�" in Page(report(analyzed(replace(folder_scan, case=case), mask))).text
