"""Guessing tokens is rate-limited and logged without the tokens."""

import base64
import logging

import pytest
from fastapi.testclient import TestClient

from tumorscope.service.settings import service_settings
from tumorscope.service.web import create_app
from tumorscope.service.web.security.throttle import GUESSES, REFILL_S, Throttle

TOKEN = "a-token-that-nobody-guesses"
HERE = "http://127.0.0.1:8000"


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return Throttle(clock)


def guess(throttle, address, count, first=0):
    """Try different tokens; return the number that was checked."""
    looked_at = 0
    for number in range(first, first + count):
        given = f"Bearer guess-{number}"
        if throttle.wait_s(address, given) == 0:
            throttle.reject(address, given)
            looked_at += 1
    return looked_at


def test_guessing_is_limited_to_one_attempt_every_six_seconds(throttle, clock):
    assert guess(throttle, "10.0.0.1", 1000) == GUESSES
    assert throttle.wait_s("10.0.0.1", "Bearer next") == REFILL_S
    clock.now += 60
    assert guess(throttle, "10.0.0.1", 1000, first=1000) == 10
    clock.now += 1e6
    assert guess(throttle, "10.0.0.1", 1000, first=2000) == GUESSES, "no more than at first, however long one waits"


def test_other_addresses_are_not_limited(throttle):
    guess(throttle, "10.0.0.1", 100)
    assert throttle.wait_s("10.0.0.2", "Bearer x") == 0
    guess(throttle, "2001:db8:1:2::1", 100)
    assert throttle.wait_s("2001:db8:1:2::99", "Bearer x") > 0, "one IPv6 address comes with as many as its owner likes"
    assert throttle.wait_s("2001:db8:1:3::1", "Bearer x") == 0


def test_an_outdated_token_does_not_lock_out_others(throttle):
    for _ in range(1000):
        assert throttle.wait_s("10.0.0.1", "Bearer outdated") == 0
        throttle.reject("10.0.0.1", "Bearer outdated")
    assert throttle.wait_s("10.0.0.1", "Bearer another") == 0


def test_accepted_credentials_stay_usable_while_an_address_is_limited(throttle):
    throttle.accept("10.0.0.1", "Bearer right")
    guess(throttle, "10.0.0.1", 100)
    assert throttle.wait_s("10.0.0.1", "Bearer right") == 0
    assert throttle.wait_s("10.0.0.1", "Bearer never seen") > 0


def test_memory_is_bounded_for_many_addresses(throttle):
    for number in range(12_000):
        throttle.reject(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "Bearer x")
    assert len(throttle._guesses) == 10_000


@pytest.fixture
def guarded(tmp_path):
    settings = service_settings(data=tmp_path / "data", token=TOKEN, trusted_proxies="10.9.0.0/16")
    app = create_app(settings)
    return lambda client=("192.168.1.5", 50_000): TestClient(app, base_url=HERE, client=client)


def bearer(token, **more):
    return {"authorization": f"Bearer {token}", **more}


def test_guessing_is_rejected_and_logged_without_the_credentials(guarded, caplog):
    caplog.set_level(logging.INFO, "tumorscope")
    client = guarded()
    responses = [client.get("/api/studies", headers=bearer(f"secret-guess-{number}")) for number in range(GUESSES + 5)]
    assert [response.status_code for response in responses] == [401] * GUESSES + [429] * 5
    assert 0 < int(responses[-1].headers["retry-after"]) <= REFILL_S
    assert list(responses[-1].json()) == ["detail"]
    assert client.get("/api/studies").status_code == 401, "who shows nothing is asked, as browsers need it"
    assert client.get("/api/studies", headers=bearer(TOKEN)).status_code == 429, "a guess like any other"
    assert guarded(("192.168.1.6", 1)).get("/api/studies", headers=bearer(TOKEN)).status_code == 200
    assert client.get("/healthz").status_code == 200
    said = [record.getMessage() for record in caplog.records]
    assert said.count("a wrong token or password from 192.168.1.5") == GUESSES
    assert said.count("too many wrong tokens or passwords from 192.168.1.5: rejected for now") == 1
    assert "secret-guess" not in caplog.text
    assert base64.b64encode(b"secret-guess").decode() not in caplog.text


def test_behind_a_trusted_proxy_each_client_is_limited_separately(guarded):
    proxy, other = guarded(("10.9.1.1", 1)), guarded(("10.8.1.1", 1))
    for client, second in ((proxy, 401), (other, 429)):
        for number in range(GUESSES + 1):
            client.get("/api/studies", headers=bearer(f"x{number}", **{"x-forwarded-for": "203.0.113.1"}))
        response = client.get("/api/studies", headers=bearer("y", **{"x-forwarded-for": "203.0.113.2"}))
        assert response.status_code == second, "who is no trusted proxy cannot pretend to be somebody else"
