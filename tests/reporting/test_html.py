import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tumorscope.errors import TumorscopeError
from tumorscope.notice import NOTICE
from tumorscope.reporting.agreement import Agreement, compare
from tumorscope.reporting.figures import figure_groups
from tumorscope.reporting.html import encode_html, write_html
from tumorscope.scan import Scan

PANEL = b"\x89PNG made up"
VOID = {"meta", "img", "link", "br", "hr", "input", "line", "rect"}


class Page(HTMLParser):
    """Collects elements, and checks that every one is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data

    def tags(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def report(analysis, agreement=None) -> str:
    return encode_html(analysis, PANEL, agreement).decode()


def test_names_that_are_html_stay_text(analyzed, folder_scan, mask):
    evil = "<script>alert(1)</script>"
    scan = replace(folder_scan, case=evil, slice_names=(f'"><img src=x onerror={evil}>',) * 6, notes=(evil,))
    text = report(analyzed(scan, mask, limits=[evil], title=evil, figures={evil: {evil: evil}}))
    page = Page(text)
    assert page.tags("script") == []
    assert len(page.tags("img")) == 1
    assert evil in page.text


def test_the_page_stands_alone(analyzed, volume_scan, mask):
    text = report(analyzed(volume_scan, mask))
    page = Page(text)
    assert not re.search(r"https?://", text)
    assert not re.search(r"url\(|@import", text)
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object"}
        for name in ("src", "href", "srcset", "data"):
            assert (attributes.get(name) or "data:").startswith("data:")
        assert not [name for name in attributes if name.startswith("on")]
    assert page.tags("html")[0]["lang"] == "en"


def test_the_notice_stands_at_the_top_and_at_the_bottom(analyzed, folder_scan, mask):
    text = Page(report(analyzed(folder_scan, mask))).text.split("</style>")[-1].strip()
    assert text.count(NOTICE) == 2
    assert text.endswith(NOTICE)


def test_the_finding_comes_before_everything_else(analyzed, volume_scan, mask):
    page = Page(report(analyzed(volume_scan, mask))).text
    sentence = "Tumour found in 3 of 6 slices (probability 0.94): one lesion of 5.1 ml, largest in slice 3."
    assert sentence in page
    assert page.index(sentence) < page.index("Key slices") < page.index("Separate parts") < page.index("Method")


def test_nothing_found_is_said_with_the_operating_point(analyzed, volume_scan, mask):
    text = Page(report(analyzed(volume_scan, np.zeros_like(mask)))).text
    assert (
        "No tumour found: the highest tumour probability of any slice is 0.15, below the operating point of 0.45."
        in text
    )
    assert "Separate parts of the mask" not in text


def test_millimetres_appear_only_where_they_are_known(analyzed, volume_scan, folder_scan, mask):
    known, unknown = (Page(report(analyzed(scan, mask))).text for scan in (volume_scan, folder_scan))
    assert " ml" in known
    assert "mm²" in known
    assert not re.search(r"\d (ml|mm²|mm³|mm)\b", unknown)
    assert "does not give the voxel size" in unknown
    assert " px" in unknown


def test_dice_appears_only_with_a_true_mask(analyzed, folder_scan, mask, truth):
    analysis = analyzed(folder_scan, mask)
    assert "Dice with the true mask" not in report(analysis)
    agreement = compare(mask, truth)
    assert agreement.dice is not None
    assert f"{agreement.dice:.3f}" in Page(report(analysis, agreement)).text
    assert "both masks are empty" in report(analysis, Agreement(None, 0, 0, 0))


def test_every_slice_has_a_bar_and_a_row(analyzed, folder_scan, mask):
    page = Page(report(analyzed(folder_scan, mask)))
    assert len(page.tags("rect")) == 6 + 3  # one of probability each, and one of area where there is any
    assert page.tags("svg")[0]["role"] == "img"
    for name in folder_scan.slice_names:
        assert name in page.text


def test_a_single_picture_needs_no_chart(analyzed):
    scan = Scan(np.ones((1, 40, 40, 1), np.uint8), ("unknown",), "one", "picture")
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 3:6, 3:6] = True
    page = Page(report(analyzed(scan, mask)))
    assert page.tags("svg") == []
    assert "Tumour found (probability 0.90): one lesion of 9 px." in page.text


def test_pictures_have_a_text_in_their_place(analyzed, folder_scan, mask):
    page = Page(report(analyzed(folder_scan, mask)))
    assert all(picture["alt"] for picture in page.tags("img"))


def test_the_method_names_the_bundle_its_hash_and_its_figures(analyzed, folder_scan, mask):
    analysis = analyzed(folder_scan, mask)
    text = Page(report(analysis)).text
    for part in ("made-up 1.2.3", analysis.bundle.sha256[:12], "onnxruntime", "patient Dice", "0.861", "0.81 to 0.9"):
        assert part in text


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"test": {}},
        {"a": None, "b": [], "c": {"d": {"e": {"f": {"g": float("nan")}}}}},
        {"folds": [{"dice": 0.1}, {"dice": 0.2}], "matrix": [[1, 2], [3, 4]]},
        {"many": {str(number): number for number in range(1000)} | {"deep": {"x": {"y": 1}}}},
        {"long": "x" * 10_000, "yes": True},
    ],
)
def test_figures_of_any_shape_can_be_shown(analyzed, folder_scan, mask, figures):
    Page(report(analyzed(folder_scan, mask, figures={})))
    groups = figure_groups(figures)
    assert all(group.rows and len(group.rows) <= 61 for group in groups)
    assert all(len(row.value) <= 20_000 for group in groups for row in group.rows)


def test_lists_of_results_are_numbered():
    (group,) = figure_groups({"test": {"folds": [{"dice": 0.5}, {"dice": 0.25}]}})
    assert [(row.name, row.value) for row in group.rows] == [("folds › 1", "Dice 0.5"), ("folds › 2", "Dice 0.25")]


def test_the_panel_may_be_given_as_a_file(analyzed, folder_scan, mask, tmp_path):
    (tmp_path / "panel.png").write_bytes(PANEL)
    path = write_html(analyzed(folder_scan, mask), tmp_path / "panel.png", tmp_path / "out")
    assert path.read_bytes() == encode_html(analyzed(folder_scan, mask), PANEL)


def test_a_missing_panel_is_named(analyzed, folder_scan, mask, tmp_path):
    with pytest.raises(TumorscopeError, match=r"panel\.png: cannot be read"):
        write_html(analyzed(folder_scan, mask), tmp_path / "panel.png", tmp_path)
