import gzip
import io
import json
import zipfile

import nibabel as nib
import numpy as np
import pytest
from service.web.security.test_headers import directives

SHOWN = {"report.pdf": "application/pdf", "report.html": "text/html; charset=utf-8", "panel.png": "image/png"}


def test_a_study_lists_what_there_is_of_it(analysed):
    study = analysed.client.get(analysed.at).json()
    assert study["state"] == "done"
    assert study["revision"] == 1
    assert [each["revision"] for each in study["revisions"]] == [1]
    assert [image["name"] for image in study["images"]][-1] == "mask" or study["images"][-1]["name"] == "activation"
    assert {"t1", "flair", "t1c", "mask"} <= {image["name"] for image in study["images"]}
    names = [file["name"] for file in study["files"]]
    assert {"analysis.json", "report.pdf", "report.html", "panel.png", "mask.nii.gz", "results.zip"} <= set(names)
    for each in [*study["images"], *study["files"]]:
        answer = analysed.client.get(each["href"])
        assert answer.status_code == 200
        if each.get("name") != "results.zip" and "bytes" in each:
            assert len(answer.content) == each["bytes"]
    document = json.loads((analysed.run / "analysis.json").read_bytes())
    assert study["summary"]["lesions"] == len(document["lesions"])
    assert study["summary"]["slices"] == 9


def test_findings_and_outline_are_the_files_of_the_run(analysed):
    answer = analysed.client.get(f"{analysed.at}/analysis")
    assert answer.json() == json.loads((analysed.run / "analysis.json").read_bytes())
    assert analysed.client.get(f"{analysed.at}/mask.nii.gz").content == (analysed.run / "mask.nii.gz").read_bytes()


def test_images_share_one_grid(analysed):
    volumes = {}
    for name in ("flair", "t1", "mask"):
        content = analysed.client.get(f"{analysed.at}/images/{name}.nii.gz").content
        volumes[name] = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    assert {volume.shape for volume in volumes.values()} == {(96, 96, 9)}
    assert all(np.allclose(volume.affine, volumes["flair"].affine) for volume in volumes.values())


def test_large_and_small_files_come_whole(analysed):
    for size in (0, 1, 1 << 20, (1 << 20) + 1, 5 << 20):
        content = bytes(range(256)) * (size // 256) + bytes(size % 256)
        (analysed.run / "panel.png").write_bytes(content)
        answer = analysed.client.get(f"{analysed.at}/panel.png")
        assert answer.content == content
        assert answer.headers["content-length"] == str(size)


def test_an_address_with_its_revision_never_changes(analysed):
    named = analysed.client.get(f"{analysed.at}/panel.png?revision=1")
    assert "immutable" in named.headers["cache-control"]
    assert "private" in named.headers["cache-control"]
    newest = analysed.client.get(f"{analysed.at}/panel.png")
    assert newest.headers["cache-control"] == "private, no-cache"
    again = analysed.client.get(f"{analysed.at}/panel.png", headers={"if-none-match": newest.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_a_part_of_a_large_file_can_be_asked_for(analysed):
    whole = analysed.client.get(f"{analysed.at}/report.pdf").content
    part = analysed.client.get(f"{analysed.at}/report.pdf", headers={"range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole[100:200]


@pytest.mark.parametrize(("name", "kind"), SHOWN.items())
def test_what_a_browser_shows_is_bound_to_itself(analysed, name, kind):
    answer = analysed.client.get(f"{analysed.at}/{name}")
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"].startswith("inline; filename=")
    policy = directives(answer.headers["content-security-policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert "script-src" not in policy


def test_the_report_runs_in_a_sandbox_and_still_has_its_style(analysed):
    answer = analysed.client.get(f"{analysed.at}/report.html")
    policy = directives(answer.headers["content-security-policy"])
    assert policy["sandbox"] == []
    assert policy["style-src"] == ["'unsafe-inline'"]
    assert "<style>" in answer.text
    assert policy["img-src"] == ["data:"]
    assert 'src="http' not in answer.text


def test_everything_else_is_downloaded(analysed):
    for name in ("analysis", "mask.nii.gz", "images/flair.nii.gz", "results.zip"):
        assert analysed.client.get(f"{analysed.at}/{name}").headers["content-disposition"].startswith("attachment;")


def test_all_results_come_in_one_archive(analysed):
    answer = analysed.client.get(f"{analysed.at}/results.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        for name in ("analysis.json", "report.pdf", "mask.nii.gz"):
            (member,) = [each for each in archive.namelist() if each.endswith(f"/{name}")]
            assert archive.read(member) == (analysed.run / name).read_bytes()


@pytest.mark.parametrize(
    "address",
    [
        "seg.dcm",  # it did not come as DICOM
        "mask.png",
        "report.pdf?revision=7",
        "images/t2.nii.gz",
        "images/..%2f..%2fanalysis.nii.gz",
        "images/%2e%2e.nii.gz",
        "images/mask%00.nii.gz",
        "images/..%5cmask.nii.gz",
        "input",
        "runs/1/analysis.json",
        "results.zip?revision=2",
    ],
)
def test_what_a_study_has_not_is_told_in_one_line(analysed, address):
    answer = analysed.client.get(f"{analysed.at}/{address}")
    assert answer.status_code == 404
    assert list(answer.json()) == ["detail"]
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize("study", ["..", "%2e%2e", "AAAAAAAAAAAAAAAA", "a" * 16 + "%00", "x" * 60, "-AAAAAAAAAAAAAAA"])
@pytest.mark.parametrize("rest", ["", "/analysis", "/report.pdf", "/results.zip", "/images/mask.nii.gz", "/events"])
def test_no_other_name_is_a_study(analysed, study, rest):
    assert analysed.client.get(f"/api/studies/{study}{rest}").status_code in (404, 422)


def test_a_study_that_is_not_analysed_yet_has_no_results(client, nifti):
    study = client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)}).json()["studies"][0]["id"]
    for name in ("analysis", "report.pdf", "results.zip", "images/mask.nii.gz"):
        answer = client.get(f"/api/studies/{study}/{name}")
        assert (answer.status_code, answer.json()["detail"]) == (409, "this study is not analysed yet")
