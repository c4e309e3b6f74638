import numpy as np
import pytest
from making import write_miniature_lgg

torch = pytest.importorskip("torch")

from tumorscope.datasets.lgg import LggDataset
from tumorscope.preparing import Preparation
from tumorscope.training.slices import BalancedBatches, EverySlice, load_slices


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    dataset = LggDataset.open(write_miniature_lgg(tmp_path_factory.mktemp("lgg"), patients=3))
    return load_slices(dataset.patients, Preparation(size=96))


def test_neighbours_never_come_from_another_patient(store):
    first_of_second = int((store.cases == 1).nonzero()[0])
    pictures, _, _ = store.batch(torch.tensor([first_of_second]), context=1)
    own = store.pictures[first_of_second].float()
    torch.testing.assert_close(pictures[0, :3], own)
    torch.testing.assert_close(pictures[0, 3:6], own)


def test_masks_are_shares_between_zero_and_one_never_255(store):
    _, masks, present = store.batch(torch.arange(len(store)), context=0)
    assert masks.max() == 1
    assert masks.min() == 0
    np.testing.assert_array_equal(masks.flatten(1).amax(1) > 0.5, present > 0.5)


def test_an_epoch_shows_every_slice_with_tumour_once():
    present = torch.tensor([True] * 7 + [False] * 50)
    batches = BalancedBatches(present, batch_size=7, empty_slices=1.0, seed=0)
    seen = torch.cat(list(batches)).tolist()
    assert len(batches) == 2
    assert sorted(index for index in seen if index < 7) == list(range(7))
    assert len([index for index in seen if index >= 7]) == 7


def test_epochs_differ_and_a_seed_repeats_them():
    present = torch.tensor([True, False] * 40)
    one, other = (BalancedBatches(present, 8, 1.0, seed=3) for _ in range(2))
    first, second = torch.cat(list(one)), torch.cat(list(one))
    assert not torch.equal(first, second)
    torch.testing.assert_close(first, torch.cat(list(other)))


def test_a_part_without_any_tumour_can_still_be_drawn():
    assert len(torch.cat(list(BalancedBatches(torch.zeros(10, dtype=torch.bool), 5, 1.0, 0)))) == 10


def test_validation_sees_each_slice_once():
    assert torch.cat([EverySlice(10, 4)[k] for k in range(len(EverySlice(10, 4)))]).tolist() == list(range(10))
