import json
import queue
import threading

import pytest

from tumorscope.service.web.routes import events as streaming

LONG_S = 180
"""How long a test waits for the stream; only a failing test waits this long."""


def events(text: str) -> list[dict]:
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [json.loads(lines[1].removeprefix("data: ")) for lines in blocks if lines[0] == "event: study"]


@pytest.fixture
def study(client, nifti):
    return client.post("/api/studies", files={"files": ("flair.nii.gz", nifti)}).json()["studies"][0]["id"]


@pytest.fixture
def read(monkeypatch):
    """What a stream has read of its study, as it reads it: tests change the study then, not after some seconds."""
    found = queue.SimpleQueue()
    original = streaming.study_state

    def noted(study, keep_days):
        found.put(study)
        return original(study, keep_days)

    monkeypatch.setattr(streaming, "study_state", noted)
    return found


def once_read(read, change):
    """Make a change in a thread as soon as the stream has read the study."""
    threading.Thread(target=lambda: (read.get(timeout=LONG_S), change()), daemon=True).start()


def test_every_change_is_sent_until_the_study_is_settled(client, study, read):
    catalog = client.app.state.backend.catalog

    def work():
        read.get(timeout=LONG_S)
        claim = catalog.claim(study, "worker")
        catalog.progress(claim, "analyzing", 3, 6)
        while read.get(timeout=LONG_S).stage != "analyzing":
            pass
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


def test_the_stream_ends_when_the_study_is_deleted(client, study, read):
    once_read(read, lambda: client.app.state.backend.catalog.delete(study))
    assert [each["state"] for each in events(client.get(f"/api/studies/{study}/events").text)] == ["queued"]


def test_the_stream_ends_when_the_service_stops(client, study, read):
    once_read(read, client.app.state.backend.stopping.set)
    assert [each["state"] for each in events(client.get(f"/api/studies/{study}/events").text)] == ["queued"]


def test_streams_are_counted_and_limited(client, study):
    client.app.state.backend.metrics.streams = 200
    response = client.get(f"/api/studies/{study}/events")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "5"
