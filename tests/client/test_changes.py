"""A study is followed to its end despite connection failures."""

import pytest
from client.scripted import STUDY, service, study

from tumorscope.client import Client, Refused, Unavailable, changes


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(changes, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(changes, "_POLL_INTERVAL_S", 0.01)
    monkeypatch.setattr(changes, "SILENCE_S", 0.5)


def followed(response, reconnect_timeout_s=5.0):
    """The final study, and the reported states with the number of slices."""
    told = []
    with service(response) as address, Client(address) as client:
        end = client.wait(
            STUDY, lambda now: told.append((now.state, now.done)), reconnect_timeout_s=reconnect_timeout_s
        )
    return end, told


def events(asked, *studies):
    asked.begin_events()
    for each in studies:
        asked.tell(each)


def test_every_change_is_reported_once_and_the_last_state_is_complete():
    def response(asked):
        if asked.path.endswith("/events"):
            events(
                asked, study(), study("analyzing", 1), study("analyzing", 1), study("analyzing", 9), study("done", 9)
            )
            asked.cut()
        else:
            responses.append(1)
            files = [{"name": "report.pdf", "bytes": 3, "href": f"/api/studies/{STUDY}/report.pdf"}]
            asked.response(study() if len(responses) == 1 else study("done", 9, files=files))

    responses = []
    end, told = followed(response)
    assert told == [("queued", 0), ("analyzing", 1), ("analyzing", 9), ("done", 9)]
    assert [file.name for file in end.files] == ["report.pdf"]
    assert len(responses) == 2  # at the beginning, and for the files


def test_a_failure_is_final():
    end, told = followed(lambda asked: asked.response(study("failed")))
    assert (end.state, end.failure) == ("failed", "too dark")
    assert told == [("failed", 0)]


def test_a_broken_connection_is_reestablished():
    opened = []

    def response(asked):
        if asked.path.endswith("/events"):
            opened.append(1)
            events(asked, study("analyzing", len(opened)), *([study("done", 9)] if len(opened) == 3 else []))
            asked.cut()
        else:
            asked.response(study("analyzing", len(opened)) if len(opened) < 3 else study("done", 9))

    end, told = followed(response)
    assert end.state == "done"
    assert [done for _state, done in told] == [0, 1, 2, 3, 9]


@pytest.mark.parametrize("how", ["none", "silent", "empty", "other kind", "error"])
def test_without_events_the_study_is_polled(how):
    asked_for, opened = [], []

    def response(asked):
        if not asked.path.endswith("/events"):
            asked_for.append(1)
            asked.response(study("done", 9) if len(asked_for) >= 4 else study("analyzing", len(asked_for)))
            return
        opened.append(1)
        if how == "none":
            asked.response({"detail": "not found"}, 405)
        elif how == "silent":
            asked.begin_events()
            import time

            time.sleep(0.8)
        elif how == "empty":
            asked.begin_events()
            asked.cut()
        elif how == "other kind":
            asked.response({"an": "response"})
        else:
            asked.response({"detail": "broken"}, 500)

    end, told = followed(response)
    assert end.state == "done"
    assert [done for _state, done in told] == [1, 2, 3, 9]
    assert len(opened) == 1  # once is enough to know


def test_the_client_waits_for_a_restarting_service():
    responses = []

    def response(asked):
        if asked.path.endswith("/events"):
            events(asked, study("analyzing", 1))
            asked.cut()
            return
        responses.append(1)
        if 2 <= len(responses) <= 6:
            asked.cut()
        else:
            asked.response(study("analyzing") if len(responses) == 1 else study("done", 9))

    end, told = followed(response)
    assert end.state == "done"
    assert told == [("analyzing", 0), ("analyzing", 1), ("done", 9)]


def test_an_unreachable_service_is_given_up_after_the_timeout():
    responses = []

    def response(asked):
        responses.append(1)
        asked.cut()

    with pytest.raises(Unavailable, match="connection was interrupted"):
        followed(response, reconnect_timeout_s=0.2)
    assert len(responses) >= 2


def test_a_study_removed_meanwhile_is_reported():
    def response(asked):
        if asked.path.endswith("/events"):
            events(asked, study("analyzing", 1))
            asked.cut()
        elif responses:
            asked.response({"detail": "no such study"}, 404)
        else:
            responses.append(1)
            asked.response(study())

    responses = []
    with pytest.raises(Refused, match="no such study") as caught:
        followed(response)
    assert caught.value.status == 404


def test_names_with_line_separators_survive_events():
    name = "a\u2028b\u0085c"

    def response(asked):
        if asked.path.endswith("/events"):
            asked.begin_events()
            import json

            told = json.dumps(study("failed", name=name), ensure_ascii=False)
            asked.wfile.write(b": hello\r\n\r\nevent: study\r\ndata: " + told.encode() + b"\r\n\r\n")
            asked.cut()
        else:
            asked.response(study(name=name))

    end, _ = followed(response)
    assert (end.state, end.name) == ("failed", name)
