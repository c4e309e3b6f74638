import zipfile
from pathlib import Path

import numpy as np
from browser.running import PATIENCE_S, ask, drop, healthy_case, study_of, wait_done
from dicom_making import uid
from dicom_network.running import small_series
from dicom_network.web import study_archive
from PIL import Image
from playwright.sync_api import Page, expect

from tumorscope.datasets.phantom import make_phantom, plausible_lesion

MARKUP = '<img src=x onerror="document.title=1">'
_LONG_MS = PATIENCE_S * 1000


def test_a_dropped_scan_is_analyzed_and_listed_with_its_finding(page: Page, base: str, phantom: str) -> None:
    page.goto(base)

    row = page.get_by_role("row", name="phantom").first
    expect(row).to_contain_text("Tumor found")
    expect(row).to_contain_text("24 slices")
    expect(row).to_contain_text("in 30 days")


def test_several_files_become_several_rows_whose_progress_is_shown_until_they_are_done(
    page: Page, base: str, cases: Path
) -> None:
    page.goto(base)
    drop(page, healthy_case(cases, "left"), healthy_case(cases, "right"))

    for name in ("left", "right"):
        row = page.get_by_role("row", name=name)
        expect(row).to_be_visible()
        expect(row).to_contain_text("No tumor found", timeout=_LONG_MS)


def test_a_zip_of_two_scans_becomes_two_rows(page: Page, base: str, cases: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for name in ("zipped-one", "zipped-two"):
            archive.write(healthy_case(cases, name), f"{name}.nii.gz")
    page.goto(base)

    drop(page, tmp_path / "both.zip")

    for name in ("zipped-one", "zipped-two"):
        expect(page.get_by_role("row", name=name)).to_contain_text("No tumor found", timeout=_LONG_MS)


def test_a_study_of_an_archive_that_was_away_is_tried_again(page: Page, base: str, tmp_path: Path) -> None:
    away = True
    with study_archive(small_series(tmp_path / "in"), away=lambda: away) as url:
        page.goto(base)
        page.get_by_role("button", name="From DICOMweb").click()
        page.get_by_label("Address of a study").fill(f"{url}/studies/{uid('study')}")
        page.keyboard.press("Enter")
        study = study_of(page)
        page.goto(f"{base}/#/")
        row = page.locator(".studies tbody tr").filter(has=page.locator(f'a[href$="{study}"]'))
        expect(row).to_contain_text("Failed", timeout=_LONG_MS)

        away = False
        row.get_by_role("button", name="again").click()

        expect(row).not_to_contain_text("Failed", timeout=_LONG_MS)
        assert wait_done(base, study)["summary"]["slices"] == 4


def test_what_cannot_be_read_is_refused_in_the_services_own_words(page: Page, base: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("no scan")
    page.goto(base)

    drop(page, tmp_path / "letter.txt")

    expect(page.locator(".upload.failed")).to_contain_text("Files ending in .txt are not read")
    expect(page.get_by_text("letter.txt")).to_have_count(1)


def test_what_cannot_be_analyzed_says_why_once(page: Page, base: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "holiday.png")
    page.goto(base)

    drop(page, tmp_path / "holiday.png")

    expect(page.get_by_role("heading", name="This could not be analyzed")).to_be_visible(timeout=_LONG_MS)
    expect(page.get_by_text("looks like a color photograph")).to_have_count(1)
    expect(page.get_by_role("button", name="Try again")).to_have_count(1)


def test_what_a_file_does_not_say_is_stated_in_the_options(page: Page, base: str, tmp_path: Path) -> None:
    image = _slice_of(tmp_path)
    page.goto(base)
    page.get_by_text("Options for scans that do not say enough").click()
    lengths = [page.get_by_label(f"Distance from {axis} to {axis}, mm") for axis in ("column", "row", "slice")]
    lengths[0].fill("0.9")

    drop(page, image)
    expect(page.get_by_text("The voxel size needs three lengths in mm")).to_be_visible()

    for length, value in zip(lengths[1:], ("0.9", "5"), strict=True):
        length.fill(value)
    page.get_by_label("File, folder or DICOM series").fill("plain.png")
    page.get_by_label("What it shows").select_option(label="T1 with contrast")
    drop(page, image)

    study = study_of(page)
    wait_done(base, study)
    geometry = ask(f"{base}/api/studies/{study}/analysis")["geometry"]
    assert geometry["spacing_mm"] == [5.0, 0.9, 0.9]
    assert geometry["sequences"] == ["t1c"]


def _slice_of(folder: Path) -> Path:
    """An image of a phantom's slice, which states neither sequence nor voxel size."""
    phantom = make_phantom([plausible_lesion(1)], shape=(9, 128, 128), sequences=("t1c",))
    voxels = phantom.scan.voxels[4, :, :, 0]
    Image.fromarray((255 * voxels / voxels.max()).astype(np.uint8)).save(folder / "plain.png")
    return folder / "plain.png"


def test_search_and_state_narrow_the_list(page: Page, base: str, phantom: str) -> None:
    page.goto(base)
    search = page.get_by_label("Search by name")

    search.fill("phantom")
    expect(page.locator(".studies tbody tr")).to_have_count(1)
    search.fill("there is no such scan")
    expect(page.get_by_text("No scan matches.")).to_be_visible()
    search.fill("")
    page.get_by_label("State").select_option("failed")
    expect(page.get_by_role("row", name="phantom")).to_have_count(0)


def test_a_study_is_deleted_only_after_a_question(page: Page, base: str, cases: Path) -> None:
    page.goto(base)
    drop(page, healthy_case(cases, "unwanted"))
    study = study_of(page)
    wait_done(base, study)
    page.goto(f"{base}/#/")

    page.get_by_role("button", name="Delete unwanted").click()
    page.get_by_role("button", name="Cancel").click()
    assert ask(f"{base}/api/studies/{study}")["id"] == study
    page.get_by_role("button", name="Delete unwanted").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("row", name="unwanted")).to_have_count(0)
    assert study not in [each["id"] for each in ask(f"{base}/api/studies")["studies"]]


def test_markup_in_a_name_stays_text(page: Page, base: str, phantom: str) -> None:
    """The name passes a row, a question, a title, the study's own page and its findings."""
    study = {
        **ask(f"{base}/api/studies/{phantom}"),
        "id": "AAAAAAAAAAAAAAAA",
        "name": MARKUP,
        "failure": MARKUP,
        "state": "failed",
    }
    page.route("**/api/studies?*", lambda route: route.fulfill(json={"studies": [study], "next": None, "total": 1}))
    page.route(
        "**/api/studies/AAAAAAAAAAAAAAAA",
        lambda route: route.fulfill(json={**study, "revision": 0}),
    )

    page.goto(base)
    expect(page.get_by_role("link", name=MARKUP)).to_be_visible()
    page.get_by_role("button", name=f"Delete {MARKUP}").click()
    expect(page.get_by_role("dialog")).to_contain_text(MARKUP)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("link", name=MARKUP).click()
    expect(page.get_by_role("heading", name=MARKUP)).to_be_visible()
    assert page.locator("img").count() == 0
    assert MARKUP in page.title()
