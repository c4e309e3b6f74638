"""The page in Chromium: what it finds is what Python finds, and nothing leaves it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from static_page.conftest import STATIC

pytest.importorskip("playwright")

from axe_playwright_python.sync_playwright import Axe
from browser.images import dice
from browser.running import launch, new_page
from playwright.sync_api import Browser, ConsoleMessage, Download, Error, Page, expect, sync_playwright

from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.inference.analysis import analyze
from tumorscope.inference.analysis_result import Analysis
from tumorscope.inference.bundle import shipped_bundles
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.io import open_scan

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
EXAMPLE = STATIC / "example.nii.gz"
NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."
PATIENCE_MS = 300_000
"""For a network in WebAssembly on a busy machine; an idle one takes a few seconds."""

ELSEWHERE = "fetch('https://example.org/').then(() => 'connected', (error) => String(error))"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine(next(bundle for bundle in shipped_bundles() if bundle.name == "t1c"), "onnxruntime", "float")


@dataclass
class Visit:
    """A page that analyzed the example, and what went on meanwhile."""

    page: Page
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def visit(chromium: Browser, address: str) -> Iterator[Visit]:
    page = new_page(chromium, 1280, 800)
    page.set_default_timeout(PATIENCE_MS)
    visit = Visit(page)
    page.context.on("request", lambda one: visit.requests.append((one.method, one.url, one.post_data)))

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            visit.complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    start = time.monotonic()
    page.goto(address)
    page.get_by_role("button", name="Try the example").click()
    page.wait_for_selector(".study[data-state=found]")
    print(f"first result after {time.monotonic() - start:.1f} s")
    yield visit
    page.context.close()


@pytest.fixture(scope="module")
def expected(engine: Engine) -> Analysis:
    return analyze(open_scan(EXAMPLE), engine)


def test_probabilities_and_type_are_those_of_python(visit: Visit, expected: Analysis) -> None:
    _analyze_example(visit.page)

    numbers = _saved_numbers(visit.page)

    assert expected.tumor_type is not None
    assert expected.tumor_type.name is not None
    assert numbers["inputCheck"] == "passed"
    assert [one["index"] for one in numbers["slices"]] == list(range(20))
    probabilities = [one.tumor_probability for one in expected.slices]
    assert [one["probability"] for one in numbers["slices"]] == pytest.approx(probabilities, abs=1e-3)
    assert numbers["scan"]["probability"] == pytest.approx(expected.tumor_probability, abs=1e-3)
    assert numbers["scan"]["volumeMm3"] == pytest.approx(expected.volume_mm3, rel=1e-3)
    assert numbers["scan"]["type"]["doubt"] is None
    assert numbers["scan"]["type"]["likeliest"] == expected.tumor_type.name
    assert numbers["scan"]["type"]["probabilities"] == pytest.approx(expected.tumor_type.probabilities, abs=1e-3)
    assert visit.complaints == []


def test_the_mask_is_that_of_python(visit: Visit, expected: Analysis) -> None:
    _analyze_example(visit.page)
    index = int(expected.mask.sum(axis=(1, 2)).argmax())
    visit.page.get_by_role("slider", name="Slice").fill(str(index))

    found = _saved_mask(visit.page)

    assert dice(found, expected.mask[index]) >= 0.99


def test_the_contour_is_drawn_where_the_mask_is(visit: Visit, expected: Analysis) -> None:
    _analyze_example(visit.page)
    index = int(expected.mask.sum(axis=(1, 2)).argmax())
    visit.page.get_by_role("slider", name="Slice").fill(str(index))

    shot = np.asarray(Image.open(io.BytesIO(visit.page.locator(".slice").screenshot())).convert("RGB")).astype(int)

    green = (shot[..., 1] - shot[..., 0] > 80) & (shot[..., 1] - shot[..., 2] > 60)
    rows, columns = np.nonzero(green)
    scale = shot.shape[0] / expected.mask.shape[1]
    mask_rows, mask_columns = np.nonzero(expected.mask[index])
    for drawn, mask in ((rows, mask_rows), (columns, mask_columns)):
        assert drawn.min() / scale == pytest.approx(mask.min(), abs=2)
        assert drawn.max() / scale == pytest.approx(mask.max() + 1, abs=2)


def test_nothing_is_uploaded(visit: Visit, address: str) -> None:
    assert any(url.endswith("model.onnx") for _, url, _ in visit.requests)
    for method, url, content in visit.requests:
        assert url.startswith((address, f"blob:{address}"))
        assert method == "GET"
        assert content is None

    page = visit.page
    assert "Failed to fetch" in page.evaluate(ELSEWHERE)
    [worker] = [one for one in page.workers if one.url.startswith("blob:")]
    assert "Failed to fetch" in worker.evaluate(ELSEWHERE)
    refused = [text for text in visit.complaints if "Content Security Policy" in text]
    visit.complaints.clear()
    assert refused  # by the policy, not for want of a network


@pytest.mark.parametrize("format", ["png", "jpg", "tif"])
def test_an_image_is_analyzed_as_in_python(visit: Visit, engine: Engine, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"slice.{format}"
    _head().save(path, quality=90)

    _open(visit.page, path)
    visit.page.wait_for_selector(".study[data-state=found]")
    numbers = _saved_numbers(visit.page)

    expected = analyze(open_scan(path), engine)
    assert expected.mask.any()
    assert [one["probability"] for one in numbers["slices"]] == pytest.approx([expected.tumor_probability], abs=1e-3)
    assert dice(_saved_mask(visit.page), expected.mask[0]) >= 0.99
    expect(visit.page.get_by_text(NOTICE)).to_be_visible(timeout=PATIENCE_MS)


def test_what_is_not_a_head_is_refused(visit: Visit, engine: Engine, tmp_path: Path) -> None:
    text = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(text).multiline_text((6, 6), "\n".join(["The quick brown fox jumps over"] * 12), fill=0)
    text.save(tmp_path / "text.png")
    assert analyze(open_scan(tmp_path / "text.png"), engine).rejection is not None

    _open(visit.page, tmp_path / "text.png")

    expect(visit.page.get_by_role("alert")).to_have_text(
        "This does not look like an MRI of a head. Nothing was assessed.", timeout=PATIENCE_MS
    )
    expect(visit.page.get_by_text("Tumor found")).to_have_count(0, timeout=PATIENCE_MS)


def test_an_analysis_of_all_slices_ends_where_it_is_stopped(visit: Visit) -> None:
    page = visit.page
    _open_anew(page)

    page.get_by_role("button", name="Analyze all 20 slices").click()
    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("button", name="Analyze all 20 slices")).to_be_enabled(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    assert not page.locator(".strip").count()


def test_another_file_ends_what_is_computed_for_the_one_before(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    _head().save(tmp_path / "other.png")
    _open_anew(page)
    page.get_by_role("button", name="Analyze all 20 slices").click()
    page.keyboard.press("End")  # a slice that the other file does not have

    _open(page, tmp_path / "other.png")
    page.wait_for_selector(".study[data-state=found]")

    assert [one["index"] for one in _saved_numbers(page)["slices"]] == [0]
    expect(page.locator(".alert:visible")).to_have_count(0)


def test_a_file_that_is_refused_leaves_the_scan_before_it_usable(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    _open_anew(page)
    (tmp_path / "letter.txt").write_text("no scan")

    page.get_by_label("File").set_input_files(tmp_path / "letter.txt")
    expect(page.locator("main > .alert")).to_contain_text("letter.txt: The file cannot be read.", timeout=PATIENCE_MS)
    page.keyboard.press("Home")

    expect(page.locator(".where")).to_have_text("Slice 1 of 20")
    page.wait_for_selector(".study[data-state=found]")


def test_slices_are_gone_through_by_keys_and_wheel_with_the_patients_sides_shown(visit: Visit) -> None:
    page = visit.page
    _open_anew(page)
    where = page.locator(".where")

    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    expect(where).to_have_text("Slice 7 of 20")
    page.locator(".viewport").hover()
    page.mouse.wheel(0, 120)
    expect(where).not_to_have_text("Slice 7 of 20")

    sides = {edge: page.locator(f".edge-{edge}").inner_text() for edge in ("left", "right", "top", "bottom")}
    assert sides == {"left": "R", "right": "L", "top": "A", "bottom": "P"}


def test_the_stated_sequence_decides_on_the_type_and_keeps_what_was_computed(visit: Visit) -> None:
    page = visit.page
    _analyze_example(page)
    before = _saved_numbers(page)

    page.get_by_label("Sequence").select_option("flair")
    stated = _saved_numbers(page)
    page.get_by_label("Sequence").select_option("unknown")

    assert page.locator(".strip").count()
    assert (before["sequence"], stated["sequence"]) == ("unknown", "flair")
    assert before["scan"]["type"]["doubt"] is None
    assert stated["scan"] == {**before["scan"], "type": {**before["scan"]["type"], "doubt": "other_sequence"}}


def test_brightness_changes_the_image_and_no_finding(visit: Visit) -> None:
    page = visit.page
    _analyze_example(page)
    page.get_by_text("Brightness and contrast").click()
    numbers, shot = _saved_numbers(page), _gray(page)

    page.get_by_label("Brightness").fill("40")
    brighter = _gray(page)
    page.get_by_role("button", name="Reset").click()

    assert brighter.mean() > shot.mean() + 10
    assert np.abs(_gray(page) - shot).max() == 0
    assert _saved_numbers(page) == numbers
    page.get_by_text("Brightness and contrast").click()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(visit: Visit, theme: str) -> None:
    page = visit.page
    _analyze_example(page)
    page.locator("html").evaluate("(html, theme) => { html.dataset.theme = theme; }", theme)

    results = Axe().run(page, options=RULES)
    page.locator("html").evaluate("html => { html.dataset.theme = 'dark'; }")

    assert results.violations_count == 0, results.generate_report()


def test_without_its_network_the_page_says_so_whatever_is_given(
    chromium: Browser, address: str, tmp_path: Path
) -> None:
    page = new_page(chromium)
    page.route("**/card.json", lambda route: route.fulfill(status=404))
    page.goto(address)
    alert = page.locator("main > .alert")
    expect(alert).to_contain_text("The network cannot be loaded: the file server responded 404", timeout=PATIENCE_MS)
    _head().save(tmp_path / "head.png")

    page.get_by_label("File").set_input_files(tmp_path / "head.png")

    expect(alert).to_be_visible()
    expect(page.get_by_role("button", name="Choose a file")).to_be_enabled()
    assert not page.locator(".content").evaluate("content => content.inert")
    page.context.close()


def test_a_file_that_cannot_be_read_is_named_in_one_sentence(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(EXAMPLE.read_bytes()[:20_000])

    visit.page.get_by_label("File").set_input_files(tmp_path / "scan.nii.gz")

    expect(visit.page.get_by_role("alert").first).to_have_text(
        "scan.nii.gz: The file is damaged or truncated (gzip). Copy it again.", timeout=PATIENCE_MS
    )


def test_it_works_without_network_and_with_threads_on_the_next_visit(visit: Visit) -> None:
    page = visit.page
    page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")
    page.context.set_offline(True)
    try:
        page.reload()
        page.get_by_role("button", name="Try the example").click()
        page.wait_for_selector(".study[data-state=found]")
    finally:
        page.context.set_offline(False)

    assert page.evaluate("crossOriginIsolated")
    expect(page.locator(".headline")).to_have_text("Tumor found", timeout=PATIENCE_MS)
    # Threads wait without an ear for tests: the policy is read from what they were started with.
    threads = [worker.url for worker in page.workers if worker.url.startswith("http")]
    assert threads
    for script in threads:
        policy = page.evaluate(f"async () => (await fetch('{script}')).headers.get('content-security-policy')")
        assert "connect-src 'self';" in policy


def test_all_of_it_is_under_25_mb(site: Path) -> None:
    assert (site / "index.html").is_file()
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 25_000_000


def test_licenses_come_with_it(site: Path) -> None:
    licenses = (site / "assets" / "licenses.txt").read_text()
    assert "onnxruntime-web 1." in licenses
    assert "geotiff 3." in licenses


def _analyze_example(page: Page) -> None:
    """All slices of the example, if that is not what the page shows."""
    if not page.get_by_role("heading", name=EXAMPLE.name).count():
        page.get_by_label("File").set_input_files(EXAMPLE)
        page.get_by_role("heading", name=EXAMPLE.name).wait_for()
    if not page.locator(".strip").count():
        page.get_by_role("button", name="Analyze all 20 slices").click()
        page.wait_for_selector(".strip")


def _open_anew(page: Page) -> None:
    """The example, of which only the slice shown is known."""
    page.locator(".study").evaluate_all("(studies) => studies.forEach((study) => study.classList.add('before'))")
    page.get_by_label("File").set_input_files(EXAMPLE)
    page.wait_for_selector(".study:not(.before)[data-state=found]")


def _gray(page: Page) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.locator(".slice").screenshot())).convert("L")).astype(int)


def _open(page: Page, path: Path) -> None:
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("heading", name=path.name).wait_for()


def _saved_numbers(page: Page) -> dict:
    return json.loads(_saved(page, "Save the numbers").read_text())


def _saved_mask(page: Page) -> np.ndarray:
    return np.asarray(Image.open(_saved(page, "Save the mask")).convert("L")) > 0


def _saved(page: Page, button: str) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    download: Download = waiting.value
    return Path(download.path())


def _head() -> Image.Image:
    """A slice of a head with a tumor, in eight bits."""
    phantom = make_phantom([plausible_lesion(1, "meningioma")], seed=1, shape=(7, 160, 160), sequences=("t1c",))
    largest = int(phantom.mask.sum(axis=(1, 2)).argmax())
    voxels = phantom.scan.voxels[largest, ..., 0].astype(float)
    return Image.fromarray(np.clip(voxels * (250 / np.percentile(voxels, 99.9)), 0, 255).astype(np.uint8))
