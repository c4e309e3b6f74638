"""Examples for the OpenAPI document of the service: what it responds to a phantom, a FLAIR volume of nine slices.

``python documentation/openapi_examples.py`` writes ``src/tumorscope/service/web/examples.json``, one example for each
model of :mod:`tumorscope.service.web.schemas` and of ``analysis.json``. Run it where a model changes;
``tests/service/web/test_examples.py`` checks that every example fits its model.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti
from tumorscope.service.settings import service_settings
from tumorscope.service.study_job import load_engines, process
from tumorscope.service.web import create_app

EXAMPLES = Path(__file__).resolve().parents[1] / "src" / "tumorscope" / "service" / "web" / "examples.json"
STUDY = "u3VqX0dPm2aKc9Rt"
"""Instead of the random id of the phantom's study."""


def examples() -> dict[str, Any]:
    """By the model's name."""
    with tempfile.TemporaryDirectory() as place:
        settings = service_settings(data=Path(place) / "data")
        phantom = make_phantom([plausible_lesion(0)], seed=0, shape=(9, 128, 128), sequences=("flair",))
        files = write_nifti(phantom, Path(place) / "phantom")
        files.pop("mask").unlink()
        app = create_app(settings, write_demo_scan=lambda folder: None)
        with TestClient(app, base_url="http://127.0.0.1:8000") as client:
            parts = [("files", (f"phantom/{file.name}", file.read_bytes())) for file in files.values()]
            parts.append(("files", ("phantom/notes.txt", b"A drawn head.")))
            uploaded = client.post("/api/studies", files=parts).raise_for_status().json()
            (study,) = (each["id"] for each in uploaded["studies"])
            backend = app.state.backend
            engines = load_engines(settings)
            outcome = process(study, settings, backend.catalog, backend.folders, engines)
            assert outcome == "done", outcome

            def response(path: str) -> Any:
                return client.get(path).raise_for_status().json()

            made = {
                "Uploaded": uploaded,
                "StudyList": response("/api/studies"),
                "StudyState": response("/api/studies")["studies"][0],
                "StudyDetail": response(f"/api/studies/{study}"),
                "AnalysisDocument": response(f"/api/studies/{study}/analysis"),
                "BundleList": response("/api/bundles"),
                "About": response("/api/about"),
                "Problem": client.get("/api/studies/nothing-is-here").json(),
            }
    made |= {
        "DicomwebStudy": {"dicomweb": "https://pacs.example.org/dicom-web/studies/1.2.3", "register": False},
        "Reading": {"register": False, "spacing": [0.5, 0.5, 6.0], "sequences": {"7.nii.gz": "t1c"}},
        "Sending": {"destination": "archive", "revision": 1},
        "SentResults": {"destination": "archive", "revision": 1, "sent": 3, "unsent": []},
    }
    return json.loads(json.dumps(made).replace(study, STUDY))


def main() -> None:
    text = json.dumps(examples(), indent=1, sort_keys=True, ensure_ascii=False)
    numbers = re.compile(r"\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]")
    EXAMPLES.write_text(numbers.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
