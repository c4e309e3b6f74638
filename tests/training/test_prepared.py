"""Prepared slices are kept for a resumed training, and only for the one that would prepare the same again."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.preprocessing import Preparation
from tumorscope.training import prepared
from tumorscope.training.prepared import SliceSettings, load_or_prepare, remove_prepared

SETTINGS = SliceSettings(Preparation(size=32), ("glioma",), ("t1c",), restyled=1, seed=3)


class NotToBeRead(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Case:
    """Two slices with a bright square in noise; damaged, or not to be read at all."""

    case: str
    state: str = "whole"

    @property
    def patient(self):
        return self.case

    def scan(self):
        if self.state == "closed":
            raise NotToBeRead(self.case)
        if self.state == "damaged":
            raise UnreadableScan(f"{self.case}: damaged")
        voxels = np.random.default_rng(len(self.case)).normal(100, 9, (2, 48, 48, 1)).astype(np.float32)
        return Scan(voxels, ("t1c",), self.case, "volume")

    def truth(self):
        mask = np.zeros((2, 48, 48), bool)
        mask[1, 20:30, 20:30] = True
        return GroundTruth(present=mask.any(axis=(1, 2)), mask=mask, tumor_class="glioma")


CASES = (Case("a"), Case("bb"), Case("ccc", "damaged"))
CLOSED = tuple(Case(case.case, "closed") for case in CASES)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / prepared.FOLDER / "train.npz"


def test_a_second_start_reads_no_scan_and_has_the_same_slices(path):
    first = load_or_prepare(path, CASES, SETTINGS)
    second = load_or_prepare(path, CLOSED, SETTINGS)
    assert len(first) == 8
    for field in dataclasses.fields(first):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if isinstance(one, torch.Tensor):
            assert one.dtype == other.dtype
            assert torch.equal(one, other), field.name
        else:
            assert one == other, field.name
    assert second.names == ("a", "bb")
    assert second.unreadable == {"ccc": "ccc: damaged"}
    assert second.versions == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"preparation": Preparation(size=48)},
        {"preparation": Preparation(size=32, clahe=True)},
        {"classes": ("meningioma",)},
        {"sequences": ()},
        {"restyled": 0},
        {"seed": 4},
    ],
)
def test_other_settings_are_prepared_again_and_replace_what_was_kept(path, changes):
    load_or_prepare(path, CASES, SETTINGS)
    changed = dataclasses.replace(SETTINGS, **changes)
    with pytest.raises(NotToBeRead):
        load_or_prepare(path, CLOSED, changed)
    load_or_prepare(path, CASES, changed)
    load_or_prepare(path, CLOSED, changed)
    with pytest.raises(NotToBeRead):
        load_or_prepare(path, CLOSED, SETTINGS)
    assert [file.name for file in path.parent.iterdir()] == ["train.npz"]


def test_other_cases_are_prepared_again(path):
    load_or_prepare(path, CASES, SETTINGS)
    with pytest.raises(NotToBeRead):
        load_or_prepare(path, CLOSED[:2], SETTINGS)


@pytest.mark.parametrize("damage", [lambda content: content[:-30], lambda content: b"", lambda content: b"[]" * 999])
def test_a_damaged_file_is_replaced(path, damage):
    kept = load_or_prepare(path, CASES, SETTINGS)
    path.write_bytes(damage(path.read_bytes()))
    again = load_or_prepare(path, CASES, SETTINGS)
    assert torch.equal(kept.images, again.images)
    load_or_prepare(path, CLOSED, SETTINGS)


def test_more_than_a_disk_should_hold_is_not_kept(path, monkeypatch):
    monkeypatch.setattr(prepared, "LARGEST_BYTES", 1000)
    load_or_prepare(path, CASES, SETTINGS)
    assert not path.exists()


def test_a_folder_that_cannot_be_written_does_not_stop_the_training(path, capsys):
    path.parent.parent.mkdir()
    path.parent.write_text("a file is in the way")
    assert len(load_or_prepare(path, CASES, SETTINGS)) == 8
    assert "are not kept" in capsys.readouterr().err


def test_what_was_kept_is_removed(path):
    load_or_prepare(path, CASES, SETTINGS)
    remove_prepared(path.parent.parent)
    assert list(path.parent.parent.iterdir()) == []
    remove_prepared(path.parent.parent)
