import json
import threading
import time

import pytest


def events(text: str) -> list[dict]:
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [json.loads(lines[1].removeprefix("data: ")) for lines in blocks if lines[0] == "event: study"]


@pytest.fixture
def study(client, nifti):
    return client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)}).json()["studies"][0]["id"]


def test_every_change_is_sent_until_the_study_is_settled(client, study):
    catalog = client.app.state.backend.catalog

    def work():
        time.sleep(0.5)
        claim = catalog.claim(study, "worker")
        catalog.progress(claim, "analyzing", 3, 6)
        time.sleep(1.5)
        catalog.fail(claim, "it has no contrast")

    worker = threading.Thread(target=work)
    worker.start()
    response = client.get(f"/api/studies/{study}/events")
    worker.join()
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] in ("no-store", "no-cache")
    told = events(response.text)
    assert told[0]["state"] == "queued"
    assert told[-1]["state"] == "failed"
    assert told[-1]["failure"] == "it has no contrast"
    assert {"stage": "analyzing", "done": 3, "total": 6} in [each["progress"] for each in told]
    assert len(told) == len({json.dumps(each) for each in told})  # nothing is told twice


def test_a_settled_study_is_sent_once(analyzed):
    told = events(analyzed.client.get(f"{analyzed.at}/events").text)
    assert [each["state"] for each in told] == ["done"]
    assert told[0]["id"] == analyzed.study


def test_the_stream_ends_when_the_study_is_deleted(client, study):
    threading.Timer(0.5, lambda: client.app.state.backend.catalog.delete(study)).start()
    assert [each["state"] for each in events(client.get(f"/api/studies/{study}/events").text)] == ["queued"]


def test_the_stream_ends_when_the_service_stops(client, study):
    threading.Timer(0.5, client.app.state.backend.stopping.set).start()
    assert [each["state"] for each in events(client.get(f"/api/studies/{study}/events").text)] == ["queued"]


def test_streams_are_counted_and_limited(client, study):
    client.app.state.backend.metrics.streams = 200
    response = client.get(f"/api/studies/{study}/events")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "5"
