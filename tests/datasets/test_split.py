import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorscope.core.errors import BadSplit
from tumorscope.datasets.split import Split, stratified_parts

NAMES = st.lists(st.text("abcdefgh123", min_size=1, max_size=4), unique=True, min_size=1, max_size=60)
FOLDS = Split("lgg", {f"fold{k}": (f"{k}a", f"{k}b") for k in range(5)})


def test_a_patient_in_two_parts_is_refused():
    with pytest.raises(BadSplit, match="patient b is in both train and test"):
        Split("lgg", {"train": ("a", "b"), "test": ("b",)})


def test_a_patient_twice_in_one_part_is_refused():
    with pytest.raises(BadSplit, match="train twice"):
        Split("lgg", {"train": ("a", "a")})


def test_a_part_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(BadSplit, match="no part 'validation'; it has train, test"):
        Split("lgg", {"train": ("a",), "test": ("b",)})["validation"]


@given(NAMES, st.integers(0, 100), st.sampled_from([(0.72, 0.1, 0.18), (0.5, 0.5), (0.2,) * 5, (0.9, 0.1), (1.0,)]))
def test_every_patient_is_in_one_part_and_every_part_has_its_fraction(patients, seed, shares):
    strata = {name: (name[0], len(name)) for name in patients}
    named = {f"part{k}": share for k, share in enumerate(shares)}
    parts = stratified_parts(strata, named, seed)
    Split("any", parts)  # refuses overlap
    assert sorted(name for part in parts.values() for name in part) == sorted(patients)
    for part, share in named.items():
        assert abs(len(parts[part]) - share * len(patients)) <= 1


@given(NAMES, st.integers(0, 5), st.randoms())
def test_a_split_depends_on_the_seed_and_not_on_the_order_of_the_patients(patients, seed, chance):
    strata = {name: (name[0],) for name in patients}
    shuffled = list(strata.items())
    chance.shuffle(shuffled)
    shares = {"train": 0.8, "test": 0.2}
    assert stratified_parts(strata, shares, seed) == stratified_parts(dict(shuffled), shares, seed)


def test_every_stratum_is_in_every_fold_alike():
    strata = {f"{kind}{k}": (kind,) for kind in "xyz" for k in range(20)}
    for seed in range(10):
        for names in stratified_parts(strata, {f"fold{k}": 0.2 for k in range(5)}, seed).values():
            assert [sum(name[0] == kind for name in names) for kind in "xyz"] == [4, 4, 4]


def test_different_seeds_give_different_splits():
    strata = {str(k): () for k in range(30)}
    shares = {"train": 0.5, "test": 0.5}
    assert stratified_parts(strata, shares, 0) != stratified_parts(strata, shares, 1)


@given(NAMES, st.randoms())
def test_the_hash_does_not_depend_on_order(patients, chance):
    half = len(patients) // 2
    shuffled = list(patients[:half])
    chance.shuffle(shuffled)
    one = Split("lgg", {"train": tuple(patients[:half]), "test": tuple(patients[half:])})
    other = Split("lgg", {"test": tuple(patients[half:]), "train": tuple(shuffled)})
    assert one.hash == other.hash


def test_the_hash_depends_on_who_is_where_and_on_the_data_set():
    splits = [
        Split("lgg", {"train": ("a", "b"), "test": ("c",)}),
        Split("lgg", {"train": ("a",), "test": ("b", "c")}),
        Split("lgg", {"train": ("a", "b"), "validation": ("c",)}),
        Split("figshare", {"train": ("a", "b"), "test": ("c",)}),
    ]
    assert len({split.hash for split in splits}) == 4


def test_a_saved_split_is_read_back(tmp_path):
    split = Split("lgg", {"train": ("b", "a"), "test": ("c",), "empty": ()})
    split.save(tmp_path / "split.json")
    loaded = Split.load(tmp_path / "split.json")
    assert loaded.hash == split.hash
    assert set(loaded["train"]) == {"a", "b"}
    assert loaded.dataset == "lgg"


def test_a_split_changed_by_hand_is_refused(tmp_path):
    path = tmp_path / "split.json"
    Split("lgg", {"train": ("a", "b"), "test": ("c",)}).save(path)
    content = json.loads(path.read_text())
    content["parts"]["train"].remove("b")
    content["parts"]["test"].append("b")
    path.write_text(json.dumps(content))
    with pytest.raises(BadSplit, match="do not match its hash"):
        Split.load(path)


def test_a_saved_split_with_overlap_is_refused(tmp_path):
    path = tmp_path / "split.json"
    Split("lgg", {"train": ("a",), "test": ("c",)}).save(path)
    content = json.loads(path.read_text())
    content["parts"]["test"].append("a")
    path.write_text(json.dumps(content))
    with pytest.raises(BadSplit, match="both"):
        Split.load(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"dataset": "lgg"}', '{"dataset": 1, "parts": [], "hash": ""}', "\x00"]
)
def test_what_is_no_split_is_one_line(tmp_path, text):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(BadSplit, match="not a split") as error:
        Split.load(tmp_path / "split.json")
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_no_split(tmp_path):
    (tmp_path / "split.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(BadSplit, match="not a split"):
        Split.load(tmp_path / "split.json")


def test_a_split_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(BadSplit, match="cannot be read"):
        Split.load(tmp_path / "split.json")


@pytest.mark.parametrize("test", range(5))
def test_a_fold_tests_on_itself_validates_on_the_next_and_trains_on_the_rest(test):
    split = FOLDS.fold(test)
    assert split["test"] == FOLDS[f"fold{test}"]
    assert split["validation"] == FOLDS[f"fold{(test + 1) % 5}"]
    everyone = {name for part in split.parts.values() for name in part}
    assert everyone == {name for part in FOLDS.parts.values() for name in part}
    assert len(split["train"]) == 6


def test_over_all_folds_everyone_is_tested_once_and_validated_once():
    splits = [FOLDS.fold(k) for k in range(5)]
    for part in ("test", "validation"):
        assert sorted(name for split in splits for name in split[part]) == sorted(
            name for names in FOLDS.parts.values() for name in names
        )


@pytest.mark.parametrize("test", [-1, 5])
def test_a_fold_that_is_not_there_is_refused(test):
    with pytest.raises(BadSplit, match="not one of the 5 folds"):
        FOLDS.fold(test)


def test_two_folds_are_too_few():
    with pytest.raises(BadSplit, match="at least 3"):
        Split("lgg", {"fold0": ("a",), "fold1": ("b",)}).fold(0)
