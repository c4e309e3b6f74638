"""The container file and the compose file, as far as they can be tested without containers."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dicom_network.running import running_node, small_series, store, wait_until
from dicom_peers import needs, running_orthanc
from ports import free_ports
from typer.main import get_command

from tumorscope.cli.main import program
from tumorscope.core.cache_folder import CACHE_VARIABLE
from tumorscope.dicom_network.destinations import find_destinations
from tumorscope.io.dicom.patient_key import SALT_VARIABLE
from tumorscope.service.settings import ServiceSettings

ROOT = Path(__file__).parents[1]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if service["image"] == "tumorscope"}
VARIABLE = re.compile(r"\$\{(\w+)(?::[?-]([^}]*))?\}")


def parsed(words: list[str]) -> dict[str, Any]:
    """The options of a `tumorscope` command line by the program's own parser; nothing is run."""
    assert words[0] == "tumorscope"
    command = get_command(program()).commands[words[1]]  # type: ignore[attr-defined]
    return command.make_context(words[1], words[2:]).params


def environment(service: dict[str, Any]) -> dict[str, str]:
    return {
        name: VARIABLE.sub(lambda found: "30" if "KEEP" in found[1] else "a-secret-of-24-characters", str(value))
        for name, value in service.get("environment", {}).items()
    }


@pytest.mark.parametrize("name", OWN)
def test_every_command_of_compose_is_one_of_the_program(name):
    options = parsed(shlex.split(OWN[name]["command"]))
    if "host" in options:
        assert options["host"] == "0.0.0.0"  # else no other container reaches it
    for destination in find_destinations(options.get("send_to") or (), ROOT):
        assert destination.name == "archive"


@pytest.mark.parametrize("name", ["service", "worker"])
def test_every_variable_of_compose_is_a_setting_with_a_valid_value(name, monkeypatch):
    given = environment(OWN[name])
    known = {f"TUMORSCOPE_{field.upper()}" for field in ServiceSettings.model_fields} | {SALT_VARIABLE}
    assert set(given) <= known
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    settings = ServiceSettings()
    assert settings.database_url.startswith("postgresql+psycopg://tumorscope:a-secret-of-24-characters@database/")
    assert settings.queue_url == "redis://queue:6379/0"
    assert settings.data == Path("/data/service")


def test_addresses_name_services_of_the_file_and_secrets_have_no_default():
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"(?:@|redis://|archive=)(\w+)[:/]", text)) == {"database", "queue", "orthanc"}
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(re.findall(r"^(\w+)=$", example(), re.MULTILINE))
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def example() -> str:
    return (ROOT / "deploy/example.env").read_text()


def test_the_image_starts_the_service_as_an_ordinary_user():
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (\S+)$", last, re.MULTILINE)[1] not in ("root", "0")
    command = json.loads(re.search(r"^CMD (.*)$", last, re.MULTILINE)[1])
    assert parsed(command)["host"] == "0.0.0.0"
    for variable in re.findall(r"(TUMORSCOPE_\w+)=", last):
        setting = variable.removeprefix("TUMORSCOPE_").lower()
        assert setting in ServiceSettings.model_fields or variable in (SALT_VARIABLE, CACHE_VARIABLE)


def test_the_image_installs_extras_that_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = set(re.search(r"install --no-cache-dir '\.\[(.*)\]'", CONTAINERFILE)[1].split(","))
    assert {"service", "cluster", "pacs"} <= wanted <= set(project["optional-dependencies"])


@needs("Orthanc", "storescu")
def test_orthanc_routes_mr_series_to_the_node_and_keeps_the_results(tmp_path):
    settings = json.loads((ROOT / "deploy/orthanc/orthanc.json").read_text())
    [name] = settings["DicomModalities"]
    title, host, port = settings["DicomModalities"][name]
    assert (title, host, port) == ("TUMORSCOPE", "node", parsed(["tumorscope", "node"])["port"])
    assert settings["LuaScripts"] == ["/etc/orthanc/route.lua"]
    [archive_port] = free_ports(1)
    send_to = f"archive=127.0.0.1:{archive_port}/{settings['DicomAet']}"
    with (
        running_node(tmp_path / "data", "--send-to", send_to, "--allow", settings["DicomAet"]) as node,
        running_orthanc(
            tmp_path / "orthanc",
            {name: (title, "127.0.0.1", node.port)},
            DicomPort=archive_port,
            LuaScripts=[str(ROOT / "deploy/orthanc/route.lua")],
        ) as orthanc,
    ):
        store(small_series(tmp_path / "in"), archive_port)
        node.wait_for("1 object made")
        node.wait_for(": done")

        def stable() -> int:
            return sum(change["ChangeType"] == "StableSeries" for change in orthanc.json("/changes")["Changes"])

        wait_until(lambda: stable() == 2, "the result's series to be stable")
        assert len(orthanc.stored()) == 5
        sent = [orthanc.json(f"/jobs/{job}") for job in orthanc.json("/jobs")]
        assert [job["Content"]["InstancesCount"] for job in sent if job["Type"] == "DicomModalityStore"] == [4]
