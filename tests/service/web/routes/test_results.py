import gzip
import io
import json
import zipfile

import nibabel as nib
import numpy as np
import pytest
from service.web.security.test_headers import directives

SHOWN = {"report.pdf": "application/pdf", "report.html": "text/html; charset=utf-8", "panel.png": "image/png"}


def test_a_study_lists_its_revisions_images_and_files(analyzed):
    study = analyzed.client.get(analyzed.at).json()
    assert study["state"] == "done"
    assert study["revision"] == 1
    assert [each["revision"] for each in study["revisions"]] == [1]
    assert [image["name"] for image in study["images"]][-1] == "mask" or study["images"][-1]["name"] == "activation"
    assert {"t1", "flair", "t1c", "mask"} <= {image["name"] for image in study["images"]}
    names = [file["name"] for file in study["files"]]
    assert {"analysis.json", "report.pdf", "report.html", "panel.png", "mask.nii.gz", "results.zip"} <= set(names)
    for each in [*study["images"], *study["files"]]:
        response = analyzed.client.get(each["href"])
        assert response.status_code == 200
        if each.get("name") != "results.zip" and "bytes" in each:
            assert len(response.content) == each["bytes"]
    document = json.loads((analyzed.run / "analysis.json").read_bytes())
    assert study["summary"]["lesions"] == len(document["lesions"])
    assert study["summary"]["slices"] == 9


def test_findings_and_mask_are_the_files_of_the_run(analyzed):
    response = analyzed.client.get(f"{analyzed.at}/analysis")
    assert response.json() == json.loads((analyzed.run / "analysis.json").read_bytes())
    assert analyzed.client.get(f"{analyzed.at}/mask.nii.gz").content == (analyzed.run / "mask.nii.gz").read_bytes()


def test_images_share_one_grid(analyzed):
    volumes = {}
    for name in ("flair", "t1", "mask"):
        content = analyzed.client.get(f"{analyzed.at}/images/{name}.nii.gz").content
        volumes[name] = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    assert {volume.shape for volume in volumes.values()} == {(96, 96, 9)}
    assert all(np.allclose(volume.affine, volumes["flair"].affine) for volume in volumes.values())


def test_large_and_small_files_are_complete(analyzed):
    for size in (0, 1, 1 << 20, (1 << 20) + 1, 5 << 20):
        content = bytes(range(256)) * (size // 256) + bytes(size % 256)
        (analyzed.run / "panel.png").write_bytes(content)
        response = analyzed.client.get(f"{analyzed.at}/panel.png")
        assert response.content == content
        assert response.headers["content-length"] == str(size)


def test_a_url_with_a_revision_is_immutable(analyzed):
    named = analyzed.client.get(f"{analyzed.at}/panel.png?revision=1")
    assert "immutable" in named.headers["cache-control"]
    assert "private" in named.headers["cache-control"]
    newest = analyzed.client.get(f"{analyzed.at}/panel.png")
    assert newest.headers["cache-control"] == "private, no-cache"
    again = analyzed.client.get(f"{analyzed.at}/panel.png", headers={"if-none-match": newest.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_a_range_of_a_large_file_can_be_requested(analyzed):
    whole = analyzed.client.get(f"{analyzed.at}/report.pdf").content
    part = analyzed.client.get(f"{analyzed.at}/report.pdf", headers={"range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole[100:200]


@pytest.mark.parametrize(("name", "kind"), SHOWN.items())
def test_files_shown_by_a_browser_have_a_strict_policy(analyzed, name, kind):
    response = analyzed.client.get(f"{analyzed.at}/{name}")
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"].startswith("inline; filename=")
    policy = directives(response.headers["content-security-policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert "script-src" not in policy


def test_the_report_is_sandboxed_and_keeps_its_style(analyzed):
    response = analyzed.client.get(f"{analyzed.at}/report.html")
    policy = directives(response.headers["content-security-policy"])
    assert policy["sandbox"] == []
    assert policy["style-src"] == ["'unsafe-inline'"]
    assert "<style>" in response.text
    assert policy["img-src"] == ["data:"]
    assert 'src="http' not in response.text


def test_everything_else_is_downloaded(analyzed):
    for name in ("analysis", "mask.nii.gz", "images/flair.nii.gz", "results.zip"):
        assert analyzed.client.get(f"{analyzed.at}/{name}").headers["content-disposition"].startswith("attachment;")


def test_all_results_are_in_one_archive(analyzed):
    response = analyzed.client.get(f"{analyzed.at}/results.zip")
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        for name in ("analysis.json", "report.pdf", "mask.nii.gz"):
            (member,) = [each for each in archive.namelist() if each.endswith(f"/{name}")]
            assert archive.read(member) == (analyzed.run / name).read_bytes()


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
def test_a_missing_file_is_reported_in_one_line(analyzed, address):
    response = analyzed.client.get(f"{analyzed.at}/{address}")
    assert response.status_code == 404
    assert list(response.json()) == ["detail"]
    assert "\n" not in response.json()["detail"]


@pytest.mark.parametrize("study", ["..", "%2e%2e", "AAAAAAAAAAAAAAAA", "a" * 16 + "%00", "x" * 60, "-AAAAAAAAAAAAAAA"])
@pytest.mark.parametrize("rest", ["", "/analysis", "/report.pdf", "/results.zip", "/images/mask.nii.gz", "/events"])
def test_other_names_are_not_studies(analyzed, study, rest):
    assert analyzed.client.get(f"/api/studies/{study}{rest}").status_code in (404, 422)


def test_a_queued_study_has_no_results(client, nifti):
    study = client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)}).json()["studies"][0]["id"]
    for name in ("analysis", "report.pdf", "results.zip", "images/mask.nii.gz"):
        response = client.get(f"/api/studies/{study}/{name}")
        assert (response.status_code, response.json()["detail"]) == (409, "the study is not analyzed yet")
