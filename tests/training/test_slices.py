import numpy as np
import pytest
from making import write_miniature_lgg

torch = pytest.importorskip("torch")

from tumorscope.datasets.lgg import LggDataset
from tumorscope.preparing import Preparation
from tumorscope.training.slices import BalancedSlices, SliceStore, load_slices


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
    drawn = BalancedSlices(torch.tensor([True] * 7 + [False] * 50), empty_slices=1.0, seed=0)
    seen = list(drawn)
    assert len(drawn) == len(seen) == 14
    assert sorted(index for index in seen if index < 7) == list(range(7))
    assert len({index for index in seen if index >= 7}) == 7


def test_epochs_differ_and_a_seed_repeats_them():
    present = torch.tensor([True, False] * 40)
    one, other = (BalancedSlices(present, 1.0, seed=3) for _ in range(2))
    first = list(one)
    one.set_epoch(1)
    other.set_epoch(1)
    assert list(one) != first
    assert list(one) == list(other)


def test_a_part_without_any_tumour_can_still_be_drawn():
    assert sorted(BalancedSlices(torch.zeros(10, dtype=torch.bool), 1.0, 0)) == list(range(10))


def test_class_weights_make_up_for_what_is_drawn():
    from tumorscope.recipe import parse_recipe
    from tumorscope.training.module import TumorModule

    store = SliceStore(*[torch.zeros(1)] * 2, torch.tensor([True] * 10 + [False] * 40), *[torch.zeros(1)] * 3, names=())
    for empty, weight in ((1.0, 1.0), (3.0, 3.0), (9.0, 4.0)):
        recipe = parse_recipe(
            {
                "name": "r",
                "title": "r",
                "dataset": "lgg",
                "network": {"kind": "compact", "widths": [4, 8, 8, 8, 8]},
                "loss": {"class_weights": True},
                "optimization": {"empty_slices": empty},
            }
        )
        assert TumorModule(recipe, store).positive_weight == pytest.approx(weight)
