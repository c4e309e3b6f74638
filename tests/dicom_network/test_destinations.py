"""Destinations of results and their syntax."""

import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.dicom_network.destinations import Peer, WebArchive, find_destinations
from tumorscope.dicom_network.dicomweb import Credentials


def test_a_destination_is_given_in_full_or_by_a_name_in_the_file(tmp_path):
    (tmp_path / "destinations.yaml").write_text(
        "orthanc: 127.0.0.1:4242/ORTHANC\n"
        "archive: {to: 'https://pacs.example.org/dicom-web/', user: u, password_file: /p}\n"
    )
    found = find_destinations(["orthanc", "archive", "other=pacs-1.example:104/STORE SCP"], tmp_path)
    assert found == [
        Peer("orthanc", "127.0.0.1", 4242, "ORTHANC"),
        WebArchive("archive", "https://pacs.example.org/dicom-web", Credentials("u", tmp_path.__class__("/p"))),
        Peer("other", "pacs-1.example", 104, "STORE SCP"),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("orthanc", "not in .*destinations.yaml; add it there, or write NAME=HOST:PORT/TITLE"),
        ("=127.0.0.1:4242/A", "write NAME="),
        ("a/b=127.0.0.1:4242/A", "write NAME="),
        ("a=127.0.0.1", "127.0.0.1 is not an address"),
        ("a=127.0.0.1:4242", "is not an address"),
        ("a=127.0.0.1:99999/A", "is not an address"),
        ("a=127.0.0.1:4242/A TITLE FAR TOO LONG", "is not an address"),
        ("a=", "an empty text is not an address"),
        ("a=https://user:secret@pacs.example.org", "contains a user or password"),
        ("a=https://", "not a DICOMweb address"),
    ],
)
def test_an_invalid_destination_is_one_line_with_the_syntax(tmp_path, given, message):
    with pytest.raises(TumorscopeError, match=message) as error:
        find_destinations([given], tmp_path)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "cannot be read as YAML"),
        ("- a", "write one `name: host:port/title` per line"),
        ("a: {to: '127.0.0.1:1/A', password: x}", "unknown password"),
        ("a: {to: '127.0.0.1:1/A', user: u, password_file: p}", "C-STORE has no user"),
        ("a: {to: 'https://x.example', user: u}", "belong together"),
    ],
)
def test_an_unusable_file_is_named(tmp_path, content, message):
    (tmp_path / "destinations.yaml").write_text(content)
    with pytest.raises(TumorscopeError, match=message):
        find_destinations(["a"], tmp_path)


def test_a_name_is_given_once(tmp_path):
    with pytest.raises(TumorscopeError, match="given twice"):
        find_destinations(["a=127.0.0.1:1/A", "a=127.0.0.1:2/A"], tmp_path)
