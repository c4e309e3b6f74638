"""The report on paper: the same words as on screen, tagged, and the same bytes every time."""

import io
import os
import re
from dataclasses import replace

import numpy as np
import pytest
from pages import Page
from reporting.rejected import rejected

from tumorscope.core.note import Note
from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.inference.activation_maps import ActivationMap
from tumorscope.inference.tumor_type import type_finding
from tumorscope.preprocessing.crop_resize import CropResize
from tumorscope.preprocessing.head import Box
from tumorscope.reporting.html import render_html
from tumorscope.reporting.pdf import render_pdf
from tumorscope.reporting.report_content import build_report

pypdf = pytest.importorskip("pypdf")

SURE = {"glioma": 0.91, "meningioma": 0.06, "pituitary": 0.03}
OTHER = {"glioma": 0.2, "meningioma": 0.1, "pituitary": 0.7}


def printed(analysis, truth=None):
    return pypdf.PdfReader(io.BytesIO(render_pdf(build_report(analysis, truth))))


def solid(text: str) -> str:
    """Text without white space: lines break elsewhere on paper."""
    return re.sub(r"[\s\u200b]+", "", text)


def words(reader) -> str:
    return solid("".join(page.extract_text() for page in reader.pages))


def tags(reader) -> list[tuple[str, str]]:
    """The structure tree in reading order: each element's name, and the words in its place."""
    found = []

    def walk(node):
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, dict):
            if "/S" in node:
                found.append((str(node["/S"]), str(node.get("/Alt", ""))))
            if "/K" in node:
                walk(node["/K"])

    walk(reader.trailer["/Root"]["/StructTreeRoot"]["/K"])
    return found


def promises_accessibility(reader) -> bool:
    return b"pdfuaid:part" in reader.trailer["/Root"]["/Metadata"].get_object().get_data()


@pytest.fixture
def full(analyzed, folder_scan, mask):
    """A finding with everything that a report can have."""
    analysis = analyzed(folder_scan, mask)
    values = np.zeros((6, 4, 4), np.float32)
    values[:, 1, 1] = 2.0
    crop_resize = CropResize((96, 80), Box(0, 0, 96, 80), 64)
    return replace(
        analysis,
        tumor_type=type_finding(SURE, 0.6),
        radiomics_classifier=type_finding(OTHER, 0.6),
        activation=ActivationMap("type", ("glioma",) * 6, values, crop_resize),
        bundle_reason="all of its sequences are there",
    )


def test_page_and_pdf_have_the_same_content(full, truth):
    page = render_html(build_report(full, truth)).decode()
    unfolded = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    said = re.findall(r"<(h1|h2|h3|p|dt|dd|th|td|li|figcaption|caption)\b[^>]*>([^<]+)</\1>", unfolded)
    kinds = {kind for kind, _ in said}
    assert kinds == {"h1", "h2", "h3", "p", "dt", "dd", "th", "td", "li", "figcaption", "caption"}
    assert len(said) > 80
    paper = words(printed(full, truth))
    missing = [text for _, text in said if solid(Page(text).text) not in paper]
    assert missing == []


def test_headings_have_their_order(full):
    reader = printed(full)
    sections = ["Findings", "Key images", "Measurements", "Slice by slice", "Type", "Activation map", "Method"]
    sections += ["The network and its model card (bundle)"]
    case, below = reader.outline
    assert case.title == "case 1"
    assert [entry.title for entry in below if not isinstance(entry, list)] == sections
    levels = [name for name, _ in tags(reader) if re.fullmatch(r"/H\d", name)]
    assert levels[:2] == ["/H1", "/H2"]
    assert levels.count("/H1") == 1
    assert levels.count("/H2") == len(sections)


def test_the_file_is_tagged_and_has_title_and_language(full):
    reader = printed(full)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en-GB"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata.title == "case 1: Tumorscope report"
    assert promises_accessibility(reader)
    names = [name for name, _ in tags(reader)]
    assert {"/Table", "/TH", "/TD", "/LI"} <= set(names)
    alternatives = [text for name, text in tags(reader) if name == "/Figure"]
    assert len(alternatives) >= 3
    assert [text for text in alternatives if text][:1] == [build_report(full).slices.alt]


def test_the_notice_and_the_number_are_on_every_page(full):
    pages = printed(full).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        text = page.extract_text()
        assert solid(NOTICE) in solid(text)
        assert f"Page {number} of {len(pages)}" in text
        assert [float(length) for length in page.mediabox[2:]] == pytest.approx([595.28, 841.89], abs=0.01)


def test_the_first_page_says_whose_what_where_how_large_how_sure_and_what_not_to_conclude(full):
    text = solid(printed(full).pages[0].extract_text())
    for part in ("Patient", "Made by Tumorscope", "Warning", "Tumor found", "Lesions", "Diameters", "Largest area"):
        assert solid(part) in text
    for part in ("Tumor probability: how likely", "What not to conclude", "Key images", "Slice 4, FLAIR"):
        assert solid(part) in text


def test_the_same_analysis_gives_the_same_bytes(full):
    first, second = (render_pdf(build_report(full)) for _ in range(2))
    assert first == second
    assert b"CreationDate" not in first


NASTY = [
    '#include "/etc/passwd"',
    '"; #panic("out") //',
    "\\",
    "$ x^2 $ @ref <label> `raw` ```typ #x```",
    "*bold* _it_ -- ... ~ /* // [a] {b} #(1 + 1)",
    "<script>alert(1)</script>",
    "מטופל · مريض · Ασθενής · Пациент",
]


@pytest.mark.parametrize("name", NASTY)
def test_names_are_text_whatever_they_are(analyzed, folder_scan, mask, name):
    scan = replace(folder_scan, case=name, slice_names=(name,) * 6, notes=(Note("files_skipped", name),))
    reader = printed(analyzed(scan, mask, limits=[name], title=name, metrics={name: {name: name}}))
    assert promises_accessibility(reader)
    if name.isascii():  # what is written from right to left comes out in another order
        assert words(reader).count(solid(name)) >= 6
    else:
        for part in ("Ασθενής", "Пациент"):
            assert part in words(reader)


@pytest.mark.parametrize("name", ["a\x00b\x07\n\r\u2028c", "\u202eevil\u200f", "\udcff broken"])
def test_control_signs_become_visible(analyzed, folder_scan, mask, name):
    reader = printed(analyzed(replace(folder_scan, case=name), mask))
    assert reader.outline[0].title.count("�") == sum(not sign.isprintable() for sign in name)


@pytest.mark.parametrize("signs", ["🧠", "患者の頭部", "환자"])
def test_a_character_that_the_fonts_lack_costs_only_the_pdf_ua_declaration(analyzed, folder_scan, mask, signs):
    reader = printed(analyzed(replace(folder_scan, case=f"{signs} of someone"), mask))
    assert not promises_accessibility(reader)
    assert "/StructTreeRoot" in reader.trailer["/Root"]
    assert "ofsomeone" in words(reader)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_case_without_a_name_has_a_heading_all_the_same(analyzed, folder_scan, mask, name):
    reader = printed(analyzed(replace(folder_scan, case=name), mask))
    assert reader.outline[0].title == "Unnamed case"
    assert promises_accessibility(reader)


def test_a_very_long_name_stays_on_the_page(analyzed, folder_scan, mask):
    long = replace(
        folder_scan, case="x" * 500, slice_names=("y" * 300 + ".tif",) * 6, notes=(Note("files_skipped", "z" * 2000),)
    )
    reader = printed(analyzed(long, mask))
    rights = []

    def place(text, transformation, matrix, font, size):
        if text.strip():
            rights.append(matrix[4] * transformation[0] + transformation[4])

    for page in reader.pages:
        page.extract_text(visitor_text=place)
    assert max(rights) < 595.28
    assert "x" * 60 + "…" + "x" * 60 in words(reader)


def test_nothing_found_and_not_assessed_fit_their_pages(analyzed, volume_scan, mask):
    nothing = analyzed(volume_scan, np.zeros_like(mask))
    text = words(printed(nothing))
    assert solid("No tumor found: the highest tumor probability of any slice is 0.15") in text
    assert "Measurements" not in text
    reader = printed(rejected(nothing))
    assert len(reader.pages) == 1
    assert solid("Not assessed: this does not look like an MRI of a head.") in words(reader)
    assert "Slicebyslice" not in words(reader)
    assert not re.search(r"\bnan\b", reader.pages[0].extract_text().lower())


def test_five_hundred_slices_and_thirty_lesions_stay_a_few_pages(analyzed, volume_scan):
    mask = np.zeros((500, 96, 80), bool)
    mask[50:450, 30:50, 20:35] = True
    for place in range(29):
        row, column = divmod(place, 6)
        mask[10, 20 + 10 * row, 20 + 7 * column] = True
    voxels = np.zeros((500, 96, 80, 3), np.uint8)
    analysis = analyzed(replace(volume_scan, voxels=voxels, stored=None), mask)
    assert len(analysis.lesions) == 30
    reader = printed(analysis)
    assert len(reader.pages) <= 4
    assert solid("The 40 with the largest area of 401; analysis.json has all.") in words(reader)


def test_a_single_image_without_a_voxel_size(analyzed):
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 3:6, 3:6] = True
    text = words(printed(analyzed(Scan(np.ones((1, 40, 40, 1), np.uint8), ("unknown",), "one", "image"), mask)))
    assert solid("Tumor found (probability 0.90): one lesion of 9 px.") in text
    assert "mm²" not in text


def test_nothing_is_left_on_the_disk(analyzed, folder_scan, mask, tmp_path, monkeypatch):
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    analysis = analyzed(folder_scan, mask)
    monkeypatch.chdir(here)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    render_pdf(build_report(analysis))
    assert os.listdir(here) == os.listdir(temporary) == []  # noqa: PTH208
