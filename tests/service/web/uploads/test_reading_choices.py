"""What an upload states about its files reaches their reader."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from dicom_making import Grid, uid, write_series
from PIL import Image
from reading.files import head
from service.web.uploads.zips import zipped

from tumorscope.io import open_scan
from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.service.sent_names import by_sent_names
from tumorscope.service.study_folders import Folders


def as_read(folders: Folders, study: str) -> dict[str, str]:
    """The sequences that reach the reader of a study's files."""
    return dict(by_sent_names(folders.reading(study), folders.sent_names(study)).sequences)


def send(client, nifti, names=("scan.nii.gz",), **fields):
    files = [("files", (name, nifti)) for name in names]
    return client.post("/api/studies", files=files, data=fields)


def test_fields_are_kept_with_the_study(client, settings, nifti):
    stated = {"scan.nii.gz": "T1C"}
    response = send(client, nifti, register="true", spacing="0.5,0.5,6", sequences=json.dumps(stated))
    assert response.status_code == 201, response.text
    study = response.json()["studies"][0]["id"]
    expected = ReadingChoices(True, (0.5, 0.5, 6.0), {"scan.nii.gz": "t1c"})
    assert Folders(settings.data).reading(study) == expected


def test_without_fields_nothing_is_stated(client, settings, nifti):
    study = send(client, nifti).json()["studies"][0]["id"]
    assert Folders(settings.data).reading(study) == ReadingChoices()


def test_what_a_sent_name_says_is_not_lost_where_it_becomes_safe(client, settings, nifti):
    """Of the plus nothing is left on the disk, and the file would be a T1 without contrast agent."""
    study = send(client, nifti, ["p/MPRAGE+C.nii.gz", "p/flair.nii.gz"]).json()["studies"][0]["id"]
    folders = Folders(settings.data)
    assert folders.reading(study) == ReadingChoices(), "the user states nothing"
    ((name, told),) = as_read(folders, study).items()
    assert told == "t1c"
    assert (folders.input(study) / name).is_file()


def test_files_that_the_user_names_are_one_case(client, nifti):
    names = ("p/a.nii.gz", "p/b.nii.gz")
    assert len(send(client, nifti, names).json()["studies"]) == 2
    stated = json.dumps({"a.nii.gz": "t1", "b.nii.gz": "flair"})
    assert len(send(client, nifti, names, sequences=stated).json()["studies"]) == 1


def sent_series(client, folder: Path, stated: str, *, packed: bool = False):
    """A response to an upload of series 7, named "FLAIR tra", from the folder ``Kopf 7`` of ``study``."""
    paths = write_series(folder, "flair", Grid((2, 24, 20)), number=7, SeriesDescription="FLAIR tra")
    files = {f"study/Kopf 7/{path.name}": path.read_bytes() for path in paths}
    sent = {"study.zip": zipped(files)} if packed else files
    fields = {"sequences": json.dumps({stated: "t1c"})}
    return client.post("/api/studies", files=[("files", each) for each in sent.items()], data=fields)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "name", ["s07i0001.dcm", "elsewhere/S07I0001.dcm", "Kopf 7", "7", "flair TRA", uid("study", 7)]
)
def test_a_series_is_named_by_a_file_its_folder_number_description_or_uid(
    client, settings, tmp_path, name: str, packed: bool
):
    response = sent_series(client, tmp_path, name, packed=packed)
    assert response.status_code == 201, response.text
    (study,) = response.json()["studies"]
    folders = Folders(settings.data)
    stated = as_read(folders, study["id"])
    assert open_scan(folders.case(study["id"]), stated=stated).sequences == ("t1c",)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["8", "FLAIR", "s07i0009.dcm", "study.nii"])
def test_a_name_that_nothing_in_the_upload_has_is_refused(client, tmp_path, name: str, packed: bool):
    response = sent_series(client, tmp_path, name, packed=packed)
    assert response.status_code == 422
    detail = f"sequences: no file, folder or DICOM series of the upload is named '{name}'; check it"
    assert response.json() == {"detail": detail}
    assert client.get("/api/studies").json()["studies"] == []


def test_a_folder_of_slices_is_named_by_its_folder(client, settings):
    image = io.BytesIO()
    Image.fromarray(head(seed=1)).save(image, "PNG")
    files = [("files", (f"Frau X T1/slice_{number}.png", image.getvalue())) for number in (1, 2)]
    response = client.post("/api/studies", files=files, data={"sequences": '{"Frau X T1": "t1c"}'})
    (study,) = response.json()["studies"]
    folders = Folders(settings.data)
    stated = as_read(folders, study["id"])
    assert open_scan(folders.case(study["id"]), stated=stated).sequences == ("t1c",)


def test_of_several_cases_one_has_the_name(client, nifti):
    assert send(client, nifti, ("p/a.nii.gz", "q/b.nii.gz"), sequences='{"b.nii.gz": "flair"}').status_code == 201
    refused = send(client, nifti, ("p/a.nii.gz", "q/b.nii.gz"), sequences='{"b.nii.gz": "flair", "c.nii.gz": "t1"}')
    assert refused.status_code == 422
    assert "'c.nii.gz'" in refused.text


def test_each_case_keeps_the_names_that_it_has(client, settings, nifti):
    """The folders of both have a file of one name, which are not the same sequence."""
    png = io.BytesIO()
    Image.fromarray(head(seed=1)).save(png, "PNG")
    files = [("files", (f"{folder}/1.png", png.getvalue())) for folder in ("before", "after")]
    response = client.post("/api/studies", files=files, data={"sequences": '{"before": "t1", "after": "t1c"}'})
    folders, kept = Folders(settings.data), {}
    for study in response.json()["studies"]:
        kept.update(folders.reading(study["id"]).sequences)
        assert as_read(folders, study["id"])["1.png"] == next(iter(folders.reading(study["id"]).sequences.values()))
        assert len(folders.reading(study["id"]).sequences) == 1
    assert kept == {"before": "t1", "after": "t1c"}


def test_several_patients_in_a_folder_are_several_studies(client, nifti):
    names = [f"all/sub-{number}_{ending}.nii.gz" for number in ("01", "02") for ending in ("T1w", "FLAIR")]
    studies = send(client, nifti, names).json()["studies"]
    assert sorted(study["name"] for study in studies) == ["sub-01", "sub-02"]


def test_unrelated_images_are_several_studies_and_slices_are_one(client):
    def png(seed):
        file = io.BytesIO()
        Image.fromarray(head(seed=seed)).save(file, "PNG")
        return file.getvalue()

    def studies(*names):
        files = [("files", (name, png(number))) for number, name in enumerate(names)]
        return sorted(study["name"] for study in client.post("/api/studies", files=files).json()["studies"])

    assert studies("f/anna.png", "f/eva.png") == ["anna", "eva"]
    assert studies("f/slice_1.png", "f/slice_2.png") == ["f"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"spacing": "1,2"}, "three numbers in mm"),
        ({"register": "perhaps"}, "register is true or false"),
        ({"sequences": "flair"}, "JSON object"),
        ({"sequences": '{"a": 1}'}, "JSON object"),
        ({"sequences": '{"a": "ct"}'}, "no sequence is named 'ct'"),
        ({"sequence": "{}"}, "unknown field"),
    ],
)
def test_an_invalid_field_is_refused_in_one_line(client, nifti, fields, words):
    response = send(client, nifti, **fields)
    assert response.status_code == 400
    assert words in response.text


def test_a_fetched_study_may_be_registered():
    from tumorscope.service.web.schemas import DicomwebStudy

    address = "https://pacs.example.org/dicom-web/studies/1.2.3"
    assert DicomwebStudy.model_validate({"dicomweb": address, "register": True}).register_series is True
