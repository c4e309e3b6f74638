import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service.web.conftest import HERE

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
QUESTIONS = 12
"""Number of requests per operation; the same in every run."""


def test_responses_match_the_openapi_document(analyzed):
    """Half of the requests are about an existing study, which covers most of the code."""
    app = analyzed.client.app
    description = schemathesis.openapi.from_dict(app.openapi())
    description.app = app
    asked = []
    for operation in (result.ok() for result in description.get_all_operations()):

        @settings(
            max_examples=QUESTIONS,
            derandomize=True,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(), st.booleans())
        def ask(case, there):
            if there and case.operation.method.upper() != "DELETE" and "study_id" in (case.path_parameters or {}):
                case.path_parameters["study_id"] = analyzed.study
            response = case.call(base_url=HERE, headers={"host": "127.0.0.1"})
            asked.append((case.operation.label, response.status_code))
            case.validate_response(response, checks=CHECKS)

        ask()
    assert len({label for label, _ in asked}) > 20
    statuses = {status for _, status in asked}
    assert {200, 404} <= statuses
    assert max(statuses) < 500


def test_every_operation_documents_its_responses(client: TestClient):
    document = client.get("/openapi.json").json()
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 20
    assert len({operation["operationId"] for _, _, operation in operations}) == len(operations)
    for path, method, operation in operations:
        assert operation["summary"], path
        responses = operation["responses"]
        assert {"400", "401", "403"} <= set(responses), (path, method)
        for status, response in responses.items():
            if status >= "400":
                assert response["content"]["application/json"]["schema"]["$ref"].endswith("/Problem"), (path, status)
        if "{study_id}" in path:
            assert "404" in responses
    assert document["info"]["description"].startswith("Research use only")


def test_every_operation_is_documented(client: TestClient):
    document = client.get("/openapi.json").json()
    for path in ("/api/studies", "/api/studies/{study_id}", "/api/studies/{study_id}/analysis", "/healthz", "/readyz"):
        assert path in document["paths"]
    for name in ("mask.nii.gz", "seg.dcm", "sr.dcm", "report.pdf", "events", "results.zip", "mask", "retry"):
        assert f"/api/studies/{{study_id}}/{name}" in document["paths"]
    body = document["paths"]["/api/studies"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}
