"""Copies are found whatever was done to them; neighbors and strangers are no copies."""

import io

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.duplicates import (
    Fingerprints,
    find_duplicates,
    find_images,
    fingerprint_arrays,
    fingerprint_folder,
    groups,
    near_copies,
    originals,
)
from tumorscope.datasets.duplicates.appearance import ORIENTATIONS, appearance_of, hash_distance, oriented
from tumorscope.datasets.duplicates.copy_report import markdown, pairs_csv
from tumorscope.datasets.duplicates.copy_statistics import Overview
from tumorscope.datasets.duplicates.sheet import draw_pairs
from tumorscope.datasets.phantom import make_phantom, plausible_lesion


@pytest.fixture(scope="module")
def slices():
    """Slices of a 24-slice head, 5.5 mm apart, in T1 with contrast agent."""
    phantom = make_phantom([plausible_lesion(0)], shape=(24, 256, 256), sequences=("t1c",))
    return list(phantom.scan.voxels[7:17, :, :, 0])


def gray(image):
    """Eight bits, the window at the brightest per mille."""
    return np.clip(image * (255 / np.percentile(image, 99.9)), 0, 255).astype(np.uint8)


def jpeg(image, quality=75):
    stored = io.BytesIO()
    Image.fromarray(image).save(stored, "JPEG", quality=quality)
    return np.asarray(Image.open(stored))


def resized(image, side):
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


def cut(image):
    """To the head, with two pixels around it."""
    rows, columns = np.nonzero(ndimage.gaussian_filter(image.astype(float), 1.5) > 40)
    return image[max(rows.min() - 2, 0) : rows.max() + 3, max(columns.min() - 2, 0) : columns.max() + 3]


REPUBLISHED = {
    "as JPEG": lambda one: jpeg(one, 60),
    "smaller": lambda one: jpeg(resized(one, 160)),
    "larger": lambda one: jpeg(resized(one, 400)),
    "stretched": lambda one: np.asarray(Image.fromarray(one).resize((224, 200))),
    "bright window": lambda one: jpeg(np.clip(one * 1.5, 0, 255).astype(np.uint8)),
    "dark window": lambda one: (255 * (one / 255) ** 1.6).astype(np.uint8),
    "cut to the head": lambda one: jpeg(resized(cut(one), 224)),
    "with a margin": lambda one: np.pad(one, ((40, 10), (30, 60))),
    "mirrored": lambda one: jpeg(one[:, ::-1]),
    "flipped, small, windowed": lambda one: jpeg(np.clip(resized(one[::-1], 180) * 1.3, 0, 255).astype(np.uint8)),
    "turned": lambda one: jpeg(one[::-1, ::-1]),
}


@pytest.mark.parametrize("change", REPUBLISHED)
def test_a_slice_published_again_is_found(slices, change):
    images = [gray(one) for one in slices]
    again = [np.ascontiguousarray(REPUBLISHED[change](one)) for one in images]
    known = fingerprint_arrays(slices, [f"slice {k}" for k in range(len(slices))])  # 16 bit, as published
    copies = fingerprint_arrays(again, [f"copy {k}" for k in range(len(again))])
    assert originals(known, copies).tolist() == list(range(len(slices)))
    assert near_copies(known, copies).all()
    assert near_copies(copies, known).all()


def test_neighboring_slices_of_one_head_are_no_copies(slices):
    assert find_duplicates(fingerprint_arrays(slices, [str(k) for k in range(len(slices))])) == []


def test_the_same_slice_of_two_heads_is_no_copy(slices):
    others = [
        make_phantom(seed=seed, shape=(3, 256, 256), sequences=("t1c",)).scan.voxels[1, :, :, 0] for seed in (1, 2, 3)
    ]
    assert find_duplicates(fingerprint_arrays(others, ["a", "b", "c"])) == []
    assert not near_copies(
        fingerprint_arrays(slices, ["x"] * len(slices)), fingerprint_arrays(others, ["a", "b", "c"])
    ).any()


def test_the_orientation_of_a_copy_is_found_and_its_hash_agrees(slices):
    one = slices[4]
    for orientation in ORIENTATIONS:
        copy = resized(jpeg(gray(oriented(one, orientation))), 224)
        (pair,) = find_duplicates(fingerprint_arrays([one, copy], ["original", "copy"]))
        assert (pair.first, pair.second, pair.kind, pair.orientation) == (0, 1, "near", orientation)
        assert pair.correlation > 0.97
        assert pair.hash_distance <= 6
    assert hash_distance(appearance_of(one).hash, appearance_of(slices[0]).hash) > 6


def test_an_oriented_image_has_the_hash_of_its_orientation(slices):
    one = appearance_of(slices[3])
    for orientation in ORIENTATIONS:
        turned = appearance_of(oriented(slices[3], orientation))
        assert hash_distance(one.hash, turned.hash, orientation) <= 6
        assert orientation == "same" or hash_distance(one.hash, turned.hash) > 10


def test_identical_arrays_are_exact_and_twins_are_compared_once(slices):
    images = [slices[2], slices[5], slices[2], jpeg(gray(slices[2])), slices[2]]
    pairs = find_duplicates(fingerprint_arrays(images, list("abcde")))
    assert [(pair.first, pair.second, pair.kind) for pair in pairs] == [
        (0, 2, "exact"),
        (0, 3, "near"),
        (0, 4, "exact"),
    ]
    assert groups(pairs) == [(0, 2, 3, 4)]


def test_images_without_anything_to_see_match_only_byte_by_byte():
    noise = np.random.default_rng(0).normal(100, 10, (64, 64))
    nothing = [np.zeros((64, 64), np.uint8), np.zeros((48, 48), np.uint8), np.zeros((64, 64), np.uint8)]
    tiny = [np.zeros((1, 1), np.uint8), np.full((1, 1), 255, np.uint8), np.eye(64, dtype=np.uint8)]
    bad = [np.full((64, 64), np.nan), noise]
    with np.errstate(all="raise"):
        prints = fingerprint_arrays([*nothing, *tiny, *bad], [str(k) for k in range(8)])
        pairs = find_duplicates(prints)
    assert [(pair.first, pair.second, pair.kind) for pair in pairs] == [(0, 2, "exact")]
    assert near_copies(prints.take([1, 3]), prints.take([0, 4, 3])).tolist() == [False, False, True]


def test_different_noise_is_no_copy():
    chance = np.random.default_rng(1)
    prints = fingerprint_arrays([chance.normal(100, 10, (96, 96)) for _ in range(30)], [str(k) for k in range(30)])
    assert find_duplicates(prints) == []


def test_sets_can_be_taken_apart_and_joined(slices):
    prints = fingerprint_arrays(slices[:4], list("abcd"), "one", labels=list("xxyy"))
    both = Fingerprints.join([prints.take([3]), prints.take(np.array([True, False, False, False]))])
    assert (both.names, both.labels, both.sets) == (("d", "a"), ("y", "x"), ("one", "one"))
    assert np.array_equal(both.thumbs[1], prints.thumbs[0])
    empty = prints.take([])
    assert len(empty) == 0
    assert near_copies(empty, prints).tolist() == [False] * 4
    assert near_copies(prints, empty).shape == (0,)
    assert find_duplicates(empty) == []


def test_arrays_must_be_images(slices):
    with pytest.raises(ValueError, match="dimensions"):
        fingerprint_arrays([np.zeros((4, 4, 3))], ["color"])
    with pytest.raises(ValueError, match="zip"):
        fingerprint_arrays(slices, ["one name"])


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def folder(tmp_path, slices):
    """Two sides: a byte-identical copy, a mirrored JPEG in color mode, a twin within the test, a conflict."""
    images = [gray(one) for one in slices]
    root = tmp_path / "set"
    save(root / "Training/glioma/a.png", images[0])
    save(root / "Training/no_tumor/b.png", images[2])
    save(root / "Testing/glioma/a again.png", images[0])
    save(root / "Testing/glioma/b as glioma.jpg", np.repeat(images[2][:, ::-1, None], 3, axis=2))
    save(root / "Testing/no_tumor/c.png", images[4])
    save(root / "Testing/no_tumor/c again.jpg", resized(images[4], 200))
    save(root / "Testing/no_tumor/d.png", images[6])
    return root


def test_a_folder_of_classes_is_split_without_its_copies(folder):
    prints = fingerprint_folder(folder)
    overview = Overview(prints, find_duplicates(prints), 0.96)
    split = overview.clean_splits()["set"]
    assert set(split["train"]) == {"Training/glioma/a.png", "Training/no_tumor/b.png"}
    assert set(split["dropped"]) == {
        "Testing/glioma/a again.png",
        "Testing/glioma/b as glioma.jpg",
        "Testing/no_tumor/c.png",
    }
    assert set(split["test"]) == {"Testing/no_tumor/c again.jpg", "Testing/no_tumor/d.png"}
    counts = {(row.where, row.of, row.label): row.copies for row in overview.copied()}
    assert counts["set/Testing", "set/Training", "all"] == 2
    assert counts["set/Testing", "set/Testing", "notumor"] == 2
    assert counts["set/Training", "set/Testing", "notumor"] == 1
    text = markdown(overview)
    assert "different classes: 1" in text
    assert "b as glioma.jpg (glioma)" in text
    assert pairs_csv(overview).count("\n") == 1 + 3
    assert "exact,1.0000,0,same,set,Testing/glioma/a again.png" in pairs_csv(overview)


def test_a_published_mat_slice_is_found_in_a_folder_of_jpegs(tmp_path, slices):
    root = tmp_path / "figshare"
    root.mkdir()
    for number, image in enumerate(slices[:3], start=1):
        with h5py.File(root / f"{number}.mat", "w") as file:
            group = file.create_group("cjdata")
            group["image"] = image.T.astype(np.int16)
            group["tumorMask"] = np.zeros(image.T.shape, np.uint8)
            group["label"] = np.array([[3.0]])
            group["PID"] = np.array([[ord(sign)] for sign in "MR7"], np.uint16)
    (root / "cvind.mat").write_bytes(b"no image")
    save(tmp_path / "jpegs/pituitary/x.jpg", resized(gray(slices[1])[:, ::-1], 150))
    save(tmp_path / "jpegs/pituitary/y.jpg", resized(gray(slices[6]), 150))
    published, again = fingerprint_folder(root), fingerprint_folder(tmp_path / "jpegs")
    assert published.labels == ("pituitary",) * 3
    assert published.patients == ("MR7",) * 3
    assert originals(published, again).tolist() == [1, -1]
    assert not published.unreadable


def test_damaged_images_among_good_ones_are_left_out_and_named(folder):
    (folder / "Training/glioma/broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "Training/glioma/empty.png").write_bytes(b"")
    (folder / "Training/glioma/7.mat").write_bytes(b"junk")
    seen = []
    prints = fingerprint_folder(folder, on_image=seen.append)
    assert len(prints) == 7
    assert len(seen) == 10
    assert {name.rpartition("/")[2] for name in prints.unreadable} == {"broken.jpg", "empty.png", "7.mat"}
    assert "broken.jpg" in markdown(Overview(prints, [], 0.96))


def test_two_processes_find_what_one_finds(tmp_path, slices):
    for number in range(70):
        save(tmp_path / f"{number}.png", np.roll(gray(slices[number % 10]), number, axis=1))
    (tmp_path / "70.png").write_bytes(b"junk")
    one, two = fingerprint_folder(tmp_path), fingerprint_folder(tmp_path, processes=2)
    assert one.names == two.names == tuple(f"{number}.png" for number in range(70))
    assert one.digests == two.digests
    assert np.array_equal(one.details, two.details)
    assert list(one.unreadable) == list(two.unreadable) == [f"{tmp_path.name}/70.png"]


def test_a_folder_without_images_is_one_clear_error(tmp_path):
    with pytest.raises(BadDataset, match="no such folder"):
        find_images(tmp_path / "nowhere")
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "scan_mask.png").write_bytes(b"")
    with pytest.raises(BadDataset, match="no images here"):
        find_images(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"junk")
    with pytest.raises(BadDataset, match="not one image can be read"):
        fingerprint_folder(tmp_path)


def test_a_pair_on_the_sheet_looks_alike(tmp_path, slices):
    original = gray(slices[4])
    save(tmp_path / "original.png", original)
    save(tmp_path / "copy.png", np.ascontiguousarray(original[:, ::-1]))
    prints = fingerprint_folder(tmp_path, "set")
    pairs = find_duplicates(prints)
    sheet = np.asarray(draw_pairs(prints, pairs, {"set": tmp_path}).convert("L")).astype(float)
    left, right = sheet[40:184, 18:162], sheet[40:184, 164:308]
    assert np.corrcoef(left.ravel(), right.ravel())[0, 1] > 0.98
    assert np.corrcoef(left.ravel(), ndimage.rotate(right, 90).ravel())[0, 1] < 0.9


@pytest.fixture(scope="module")
def meningiomas(kaggle4_folder):
    """Fingerprints of the class that shares slices with figshare's first samples; its files are read once for both tests."""
    images = [path for path in find_images(kaggle4_folder) if path.parent.name == "meningioma"]
    return fingerprint_folder(kaggle4_folder, files=images)


@pytest.mark.real
def test_the_known_copies_between_the_sides_of_kaggle4_are_found(meningiomas):
    """Of 306 test images 293 copy a training image, 106 of them byte by byte; the other classes would prove the same."""
    tested = np.array([name.startswith("Testing/") for name in meningiomas.names])
    train, test = meningiomas.take(~tested), meningiomas.take(tested)
    known = set(train.digests)
    identical = np.array([digest in known for digest in test.digests])
    copies = near_copies(train, test)
    assert identical.sum() == 106
    assert copies[identical].all()
    assert copies.sum() >= 290


@pytest.mark.real
def test_figshare_slices_are_found_in_kaggle4_and_are_not_copies_of_their_neighbors(figshare_folder, meningiomas):
    published = fingerprint_folder(figshare_folder)
    assert find_duplicates(published) == []
    assert len(set(published.patients)) < len(published)  # neighbors are among them
    assert set(published.labels) == {"meningioma"}
    assert near_copies(meningiomas, published).sum() >= len(published) - 1
