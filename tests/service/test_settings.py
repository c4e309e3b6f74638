"""Settings: given, from the environment, or the defaults."""

import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.service.settings import ServiceSettings, service_settings


def test_given_values_override_the_environment_and_that_the_defaults(monkeypatch):
    monkeypatch.setenv("TUMORSCOPE_PORT", "9000")
    monkeypatch.setenv("TUMORSCOPE_WORKERS", "3")
    monkeypatch.setenv("TUMORSCOPE_ALLOWED_HOSTS", "a.example, b.example")
    monkeypatch.setenv("TUMORSCOPE_USERS", '{"anna": "secret"}')
    settings = service_settings(port=9001)
    assert (settings.port, settings.workers, settings.keep_days) == (9001, 3, 30)
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.users["anna"].get_secret_value() == "secret"
    assert "secret" not in repr(settings)


def test_a_worker_gets_the_settings_without_web_secrets(monkeypatch, tmp_path):
    given = service_settings(
        data=tmp_path,
        database="postgresql://u:p@h/d",
        queue="redis://h:1/0",
        keep_days=None,
        archives=["a=https://x.example/dicom-web", "b"],
        token="token",
        users={"anna": "secret"},
        lease_s=7,
        flips=True,
    )
    environment = given.environment()
    assert "token" not in str(environment).lower()
    assert "secret" not in str(environment)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    again = ServiceSettings()
    assert again.model_dump(exclude={"token", "users"}) == given.model_dump(exclude={"token", "users"})
    assert again.database_url == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"database": "mysql://u:secret@h/d"}, "write sqlite:///FILE or postgresql://"),
        ({"queue": "amqp://secret@h"}, "write sqlite:///FILE or redis://"),
        ({"queue": "secret"}, "write sqlite:///FILE or redis://"),
        ({"port": 70000}, "port: input should be less than or equal to 65535"),
        ({"engine": "secret"}, "engine: input should be 'auto'"),
        ({"prot": 1}, "prot: "),
    ],
)
def test_an_invalid_setting_is_reported_in_one_line_without_its_value(given, said):
    with pytest.raises(TumorscopeError, match=said) as caught:
        service_settings(**given)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
