"""Contents kept between runs, on which nothing may depend."""

import os

import numpy as np
import pytest

from tumorscope.core.cache_folder import CACHE_VARIABLE, cache_state, keep, recall
from tumorscope.inference.bundles import load_bundle
from tumorscope.inference.engine import load_engine, openvino_available


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty one for each test."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_kept_is_recalled(folder):
    keep("kind", "key", b"content", most=2)
    assert recall("kind", "key") == b"content"
    assert recall("kind", "other") is None
    assert recall("other", "key") is None
    assert [path.name for path in (folder / "kind").iterdir()] == ["key"]


def test_a_damaged_content_is_as_good_as_none(folder):
    keep("kind", "key", b"content", most=2)
    path = folder / "kind" / "key"
    for damaged in (path.read_bytes()[:-1], b"", b"content"):
        path.write_bytes(damaged)
        assert recall("kind", "key") is None


def test_the_least_recently_used_goes_first(folder):
    for number, key in enumerate(("a", "b")):
        keep("kind", key, key.encode(), most=2)
        os.utime(folder / "kind" / key, (number, number))
    assert recall("kind", "a") == b"a"
    keep("kind", "c", b"c", most=2)
    assert sorted(path.name for path in (folder / "kind").iterdir()) == ["a", "c"]


def test_nothing_is_kept_where_nothing_can_or_shall_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for named in ("", str(tmp_path / "file" / "below")):
        monkeypatch.setenv(CACHE_VARIABLE, named)
        keep("kind", "key", b"content", most=2)
        assert recall("kind", "key") is None
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_state_names_the_folder_and_its_size(folder, monkeypatch):
    assert cache_state() == f"{folder} (0 files, 0 MB)"
    for key in ("a", "b"):
        keep("kind", key, b"0" * 1_000_000, most=2)
    assert cache_state() == f"{folder} (2 files, 2 MB)"
    monkeypatch.setenv(CACHE_VARIABLE, "")
    assert cache_state() == "none"


def test_a_network_read_back_predicts_what_the_compiled_one_does(folder):
    if not openvino_available():
        pytest.skip("openvino is not installed")
    bundle = load_bundle("lgg")
    size = bundle.card.preparation.size
    images = np.random.default_rng(0).normal(size=(8, 3, size, size)).astype(np.float32)

    def predict():
        engine = load_engine(bundle, "openvino", "int8")
        return engine.run(images), engine.run(images, needed=lambda found: np.zeros(8, bool))

    compiled = predict()
    assert len(list((folder / "networks").iterdir())) == 2
    kept = predict()
    for path in (folder / "networks").iterdir():  # whole, and no network of this version of OpenVINO
        keep("networks", path.name, b"not a network", most=2)
    compiled_anew = predict()
    for again in (kept, compiled_anew):
        for one, other in zip(compiled, again, strict=True):
            np.testing.assert_array_equal(one.presence, other.presence)
            np.testing.assert_array_equal(one.mask, other.mask)
