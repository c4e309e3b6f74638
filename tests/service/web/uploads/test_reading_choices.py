"""What an upload states about its files reaches their reader."""

from __future__ import annotations

import json

import pytest

from tumorscope.io.reading_choices import ReadingChoices
from tumorscope.service.study_folders import Folders


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
    (name,) = folders.reading(study).sequences
    assert folders.reading(study).sequences[name] == "t1c"
    assert (folders.input(study) / name).is_file()


def test_files_that_the_user_names_are_one_case(client, nifti):
    names = ("p/a.nii.gz", "p/b.nii.gz")
    assert len(send(client, nifti, names).json()["studies"]) == 2
    stated = json.dumps({"a.nii.gz": "t1", "b.nii.gz": "flair"})
    assert len(send(client, nifti, names, sequences=stated).json()["studies"]) == 1


def test_several_patients_in_a_folder_are_several_studies(client, nifti):
    names = [f"all/sub-{number}_{ending}.nii.gz" for number in ("01", "02") for ending in ("T1w", "FLAIR")]
    studies = send(client, nifti, names).json()["studies"]
    assert sorted(study["name"] for study in studies) == ["sub-01", "sub-02"]


def test_unrelated_images_are_several_studies_and_slices_are_one(client):
    import io

    from PIL import Image
    from reading.files import head

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
