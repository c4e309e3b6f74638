"""Every example of the OpenAPI document is one: it fits its model, and the examples of one study tell the same."""

import json

import pytest
from fastapi.testclient import TestClient

from tumorscope.reporting.analysis_document import AnalysisDocument
from tumorscope.reporting.document import mask_from_document
from tumorscope.service.web import app, schemas

EXAMPLES = json.loads(app._EXAMPLES.read_bytes())


def model_of(name):
    return AnalysisDocument if name == "AnalysisDocument" else getattr(schemas, name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_its_model_and_has_no_other_fields(name):
    model = model_of(name)
    model.model_validate_json(json.dumps(EXAMPLES[name]))
    fields = {field.alias or key for key, field in model.model_fields.items()}
    assert EXAMPLES[name].keys() <= fields
    assert {key for key, field in model.model_fields.items() if field.is_required()} <= EXAMPLES[name].keys()


def test_study_list_and_analysis_tell_the_same_of_the_phantom():
    study, analysis = EXAMPLES["StudyDetail"], EXAMPLES["AnalysisDocument"]
    assert EXAMPLES["StudyList"]["studies"] == [EXAMPLES["StudyState"]]
    assert study.items() >= EXAMPLES["StudyState"].items()
    assert study["state"] == "done"
    assert study["summary"]["tumor_present"]
    assert study["summary"]["lesions"] == len(analysis["lesions"]) > 0
    assert study["summary"]["volume_mm3"] == analysis["volume_mm3"]
    document = AnalysisDocument.model_validate_json(json.dumps(analysis))
    assert mask_from_document(document).sum() == document.voxels > 0


def test_the_document_has_an_example_of_every_main_request_and_response(client: TestClient):
    document = client.get("/openapi.json").json()
    for name, example in EXAMPLES.items():
        assert document["components"]["schemas"][name]["examples"] == [example], name
    form = document["paths"]["/api/studies"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert all("examples" in field for name, field in form["properties"].items() if name != "files")
