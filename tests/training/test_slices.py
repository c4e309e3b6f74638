import dataclasses

import numpy as np
import pytest
from making import write_miniature_lgg

torch = pytest.importorskip("torch")

from tumorscope.core.errors import TumorscopeError, UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth
from tumorscope.datasets.lgg import LggDataset
from tumorscope.preprocessing import Preparation
from tumorscope.recipes.experiment import parse_recipe
from tumorscope.training.module import TumorModule
from tumorscope.training.slices import UNKNOWN_CLASS, BalancedSliceSampler, SliceCache, arrange, load_slices


@dataclasses.dataclass(frozen=True)
class Image:
    """A case in memory: a bright square in noise."""

    case: str
    kind: str | None = None
    mask: bool = True
    broken: bool = False

    @property
    def patient(self):
        return self.case

    def scan(self):
        if self.broken:
            raise UnreadableScan(f"{self.case}: damaged")
        gray = np.random.default_rng(0).normal(100, 9, (1, 64, 64, 1)).astype(np.float32)
        return Scan(gray, ("t1c",), self.case, "image")

    def truth(self):
        mask = np.zeros((1, 64, 64), bool)
        mask[0, 20:30, 20:30] = True
        present = np.array([self.kind != "notumor"])
        return GroundTruth(present=present, mask=mask if self.mask else None, tumor_class=self.kind)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    dataset = LggDataset.open(write_miniature_lgg(tmp_path_factory.mktemp("lgg"), patients=3))
    return load_slices(dataset.patients, Preparation(size=96))


def drawn_from(present, negative_ratio=1.0, seed=0, shares=None, sources=None):
    """A sampler over slices of which only presence and data set matter."""
    present = torch.as_tensor(present, dtype=torch.bool)
    nothing = torch.zeros(len(present))
    columns = {
        field.name: nothing for field in dataclasses.fields(SliceCache) if field.type in ("Tensor", torch.Tensor)
    }
    names = tuple(sorted(set(sources))) if sources else ("",)
    places = torch.tensor([names.index(source) for source in sources]) if sources else torch.zeros(len(present))
    columns |= {"present": present, "sources": places, "classes": torch.full((len(present),), UNKNOWN_CLASS)}
    store = SliceCache(**columns, names=(), source_names=names, unreadable={})
    return BalancedSliceSampler(store, negative_ratio, seed, shares), store


def test_neighbors_never_come_from_another_patient(store):
    first_of_second = int((store.cases == 1).nonzero()[0])
    images = store.batch(torch.tensor([first_of_second]), adjacent_slices=1).images
    own = store.images[first_of_second].float()
    torch.testing.assert_close(images[0, :3], own)
    torch.testing.assert_close(images[0, 3:6], own)


def test_masks_are_shares_between_zero_and_one_never_255(store):
    batch = store.batch(torch.arange(len(store)), adjacent_slices=0)
    assert batch.masks.max() == 1
    assert batch.masks.min() == 0
    np.testing.assert_array_equal(batch.masks.flatten(1).amax(1) > 0.5, batch.present > 0.5)


def test_missing_annotations_count_as_unknown():
    cases = [Image("a", "glioma"), Image("b", "notumor", mask=False), Image("c", "abscess", mask=False)]
    batch = load_slices(cases, Preparation(size=64), ("glioma", "notumor")).batch(torch.arange(3), 0)
    assert batch.has_mask.tolist() == [True, True, False]  # without a tumor the mask is known to be empty
    assert batch.classes.tolist() == [0, 1, UNKNOWN_CLASS]
    assert batch.present.tolist() == [1, 0, 1]


def test_a_corrupt_image_among_others_is_left_out_and_named():
    cases = [Image("a"), Image("b", broken=True), Image("c")]
    store = load_slices(cases, Preparation(size=64))
    assert store.names == ("a", "c")
    assert dict(store.unreadable) == {"b": "b: damaged"}
    with pytest.raises(TumorscopeError, match="not one case can be read; the first: b: damaged"):
        load_slices([Image("b", broken=True)], Preparation(size=64))


def test_an_epoch_shows_every_slice_with_tumor_once():
    drawn, _ = drawn_from([True] * 7 + [False] * 50)
    seen = list(drawn)
    assert len(drawn) == len(seen) == 14
    assert sorted(index for index in seen if index < 7) == list(range(7))
    assert len({index for index in seen if index >= 7}) == 7


def test_an_epoch_shows_of_each_data_set_its_share():
    sources = ["figshare"] * 10 + ["kaggle4"] * 40
    present = [True] * 10 + [True, False] * 20
    drawn, _ = drawn_from(present, shares={"kaggle4": (0.5, 0.5)}, sources=sources)
    seen = list(drawn)
    assert sum(index < 10 for index in seen) == 10
    assert sum(index >= 10 and index % 2 == 0 for index in seen) == 10
    assert drawn.drawn == (20, 10)


def test_epochs_differ_and_a_seed_repeats_them():
    (one, _), (other, _) = (drawn_from([True, False] * 40, seed=3) for _ in range(2))
    first = list(one)
    one.set_epoch(1)
    other.set_epoch(1)
    assert list(one) != first
    assert list(one) == list(other)


def test_a_part_without_any_tumor_can_still_be_drawn():
    assert sorted(drawn_from([False] * 10)[0]) == list(range(10))


def recipe(**changes):
    fields = {
        "name": "r",
        "title": "r",
        "dataset": "lgg",
        "network": {"kind": "compact", "widths": [16, 16, 16, 16, 16]},
        "loss": {"class_weights": True},
    }
    return parse_recipe({**fields, **changes})


@pytest.mark.parametrize(("empty", "weight"), [(1.0, 1.0), (3.0, 3.0), (9.0, 4.0)])
def test_presence_weights_make_up_for_what_is_drawn(empty, weight):
    _, store = drawn_from([True] * 10 + [False] * 40)
    module = TumorModule(recipe(optimization={"negative_ratio": empty}), store)
    assert module.positive_weight == pytest.approx(weight)


def test_class_weights_are_the_inverse_of_how_often_a_class_occurs():
    _, store = drawn_from([True] * 8)
    store = dataclasses.replace(store, classes=torch.tensor([0, 0, 0, 0, 0, 0, 1, UNKNOWN_CLASS]))
    network = {"kind": "cnn", "hidden": 4}
    module = TumorModule(recipe(classes=["glioma", "pituitary"], network=network, dataset="figshare"), store)
    assert module.class_weights.tolist() == pytest.approx([7 / (2 * 6), 7 / 2])


def test_restyled_versions_are_slices_of_the_same_case_and_an_epoch_stays_as_long():
    cases = [Image("a", "glioma"), Image("b", "notumor", mask=False)]
    plain = load_slices(cases, Preparation(size=64), ("glioma",))
    several = load_slices(cases, Preparation(size=64), ("glioma",), restyled=2)
    assert len(several) == 3 * len(plain) == 6
    assert several.names == plain.names
    assert several.cases.tolist() == [0, 0, 0, 1, 1, 1]
    assert several.first.tolist() == several.last.tolist() == list(range(6))
    torch.testing.assert_close(several.images[[0, 3]], plain.images)
    assert not torch.equal(several.images[0], several.images[1])
    sampler = BalancedSliceSampler(several, 1.0, 0)
    assert sampler.drawn == BalancedSliceSampler(plain, 1.0, 0).drawn == (1, 1)
    again = load_slices(cases, Preparation(size=64), ("glioma",), restyled=2)
    torch.testing.assert_close(again.images, several.images)


def test_a_slice_without_tumor_has_a_known_empty_mask():
    store = load_slices([Image("b", "notumor", mask=False), Image("c", "glioma", mask=False)], Preparation(size=64))
    assert store.has_mask.tolist() == [True, False]
    assert store.masks[0].sum() == 0


def test_shares_differ_for_slices_with_and_without_tumor_and_may_repeat_slices():
    sampler, _ = drawn_from([1] * 4 + [0] * 6, shares={"a": (2.0, 0.5)}, sources=["a"] * 10, negative_ratio=9)
    assert sampler.drawn == (8, 3)
    drawn = list(sampler)
    assert sorted(index for index in drawn if index < 4) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len({index for index in drawn if index >= 4}) == 3


def test_channels_are_chosen_by_name_and_flair_replaces_a_missing_one():
    scan = Scan(np.arange(4.0).reshape(1, 1, 1, 4), ("t1c", "flair", "t2", "t1"), "case", "volume")
    assert arrange(scan, ("t1", "flair", "t1c")).ravel().tolist() == [3, 1, 0]
    two = Scan(np.arange(2.0).reshape(1, 1, 1, 2), ("t1c", "flair"), "case", "volume")
    assert arrange(two, ("t1", "flair", "t1c")).ravel().tolist() == [1, 1, 0]
    with pytest.raises(UnreadableScan, match="shows t2, t1c only"):
        arrange(Scan(np.zeros((1, 1, 1, 2)), ("t2", "t1c"), "case", "volume"), ("t1", "flair", "t1c"))
