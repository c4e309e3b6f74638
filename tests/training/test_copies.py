"""What one is evaluated on is not learned by heart: copies leave, and the finder itself proves it."""

import dataclasses
import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.combined import CombinedCase
from tumorscope.datasets.duplicates import fingerprint_arrays, near_copies
from tumorscope.datasets.figshare import FigshareSlice
from tumorscope.datasets.folders import ClassImage
from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.training.copies import leave_out, read_left_out, seen_in_training


@cache
def head(seed):
    """One slice of a phantom head, uint8; drawn once for all tests, which write it to files of their own."""
    phantom = make_phantom([plausible_lesion(seed)], seed=seed, shape=(3, 192, 192))
    slice_ = phantom.scan.voxels[1, ..., -1].astype(float)
    return np.clip(255 * slice_ / np.percentile(slice_, 99.8), 0, 255).astype(np.uint8)


def published_again(image, size=150):
    """Resized and compressed, as copies in collections are."""
    file = io.BytesIO()
    Image.fromarray(image).resize((size, size)).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file).convert("L"))


@pytest.fixture
def images(tmp_path):
    """``images(name, array)``: a class image on disk."""

    def make(name, array):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)
        return CombinedCase("kaggle4", ClassImage(path, name, path.parent.name))

    return make


@dataclasses.dataclass(frozen=True)
class Slice(FigshareSlice):
    """A slice of a known patient, from an image on disk."""

    def scan(self):
        return ClassImage(self.path, self.path.name, "glioma").scan()


def known(image, patient):
    return CombinedCase("figshare", Slice(image.inner.path, patient, "glioma", 1))


@pytest.fixture
def parts(images):
    heads = [head(seed) for seed in range(6)]
    return {
        "train": [
            known(images("fig/1.png", heads[0]), "A"),
            images("Training/glioma/copy-of-test.png", published_again(heads[1])),
            images("Training/glioma/own.png", heads[2]),
            images("Training/glioma/copy-of-known-validation.png", published_again(heads[3])),
        ],
        "validation": [
            known(images("fig/2.png", heads[3]), "B"),
            images("Training/glioma/copy-of-train.png", published_again(heads[2])),
            images("Training/glioma/validation.png", heads[4]),
        ],
        "test": [
            known(images("fig/3.png", heads[1]), "C"),
            images("Testing/glioma/copy-of-known-train.png", published_again(heads[0])),
            images("Testing/glioma/test.png", heads[5]),
        ],
    }


def test_after_leaving_out_no_image_of_training_is_a_copy_of_a_evaluated_one(parts, tmp_path):
    kept = leave_out(parts, tmp_path, copies=True)
    prints = {
        part: fingerprint_arrays([case.scan().voxels[0, ..., 0] for case in cases], [case.case for case in cases])
        for part, cases in kept.items()
    }
    for evaluated in ("validation", "test"):
        assert not near_copies(prints[evaluated], prints["train"]).any()
    assert not near_copies(prints["test"], prints["validation"]).any()
    # The phantoms do copy each other before: the finder is not blind.
    before = {part: [case.scan().voxels[0, ..., 0] for case in cases] for part, cases in parts.items()}
    found = near_copies(
        fingerprint_arrays(before["test"], list("abc")), fingerprint_arrays(before["train"], list("abcd"))
    )
    assert found.tolist() == [True, True, False, False]


def test_of_two_copies_the_one_without_a_patient_is_removed(parts, tmp_path):
    leave_out(parts, tmp_path, copies=True)
    assert set(read_left_out(tmp_path / "left_out.csv")) == {
        "figshare/1",  # the test image copies it
        "kaggle4/Training/glioma/copy-of-test.png",
        "kaggle4/Training/glioma/copy-of-known-validation.png",
        "kaggle4/Training/glioma/copy-of-train.png",
    }


def test_a_resumed_training_leaves_out_what_was_found_at_first(parts, tmp_path):
    (tmp_path / "left_out.csv").write_text("case,copy_of\nkaggle4/Training/glioma/own.png,x\n")
    kept = leave_out(parts, tmp_path, copies=True)
    assert [case.case for case in kept["train"]] == [
        case.case for case in parts["train"] if not case.case.endswith("own.png")
    ]
    assert kept["test"] == parts["test"]


def test_listed_cases_leave_training_and_validation_but_not_the_test(parts, tmp_path):
    listed = dict.fromkeys(("kaggle4/Training/glioma/own.png", "figshare/2", "figshare/3"), "listed in kept.json")
    kept = leave_out(parts, tmp_path, copies=False, listed=listed)
    assert [len(kept[part]) for part in ("train", "validation", "test")] == [3, 2, 3]
    assert set(read_left_out(tmp_path / "left_out.csv")) == {"kaggle4/Training/glioma/own.png", "figshare/2"}
    assert leave_out(parts, tmp_path, copies=False) == kept  # a resumed training and an export read it


def test_copies_of_one_another_are_looked_for_among_what_lists_leave(parts, tmp_path):
    leave_out(parts, tmp_path, copies=True, listed={"figshare/2": "listed in kept.json"})
    found = read_left_out(tmp_path / "left_out.csv")
    assert found["figshare/2"] == "listed in kept.json"
    # Its copy in training is no copy of anything that is left.
    assert "kaggle4/Training/glioma/copy-of-known-validation.png" not in found


@pytest.mark.parametrize("earlier", [None, "case,copy_of\nfigshare/2,x\n"])
def test_a_training_that_began_with_a_case_is_not_resumed_without_it(parts, tmp_path, earlier):
    if earlier:
        (tmp_path / "left_out.csv").write_text(earlier)
    with pytest.raises(TumorscopeError, match=r"began with kaggle4/Training/glioma/own\.png.*name another folder"):
        leave_out(parts, tmp_path, copies=False, listed={"kaggle4/Training/glioma/own.png": "x"}, resumed=True)


def test_evaluated_cases_that_training_saw_are_named_persons_under_another_code_too(parts):
    other_code = known(parts["test"][2], "MR040240B")
    earlier = dataclasses.replace(
        parts["train"][0], inner=dataclasses.replace(parts["train"][0].inner, patient="MR040240")
    )
    seen = seen_in_training([*parts["test"][:2], other_code], [earlier, parts["train"][1]], {}, "figshare")
    assert seen == {
        "figshare/3": "kaggle4/Training/glioma/copy-of-test.png",
        "kaggle4/Testing/glioma/copy-of-known-train.png": "figshare/1",
        other_code.case: "figshare/1",
    }
    left_out = {"kaggle4/Training/glioma/copy-of-test.png": "figshare/3"}
    assert "figshare/3" not in seen_in_training(parts["test"], [parts["train"][1]], left_out, "kaggle4")
