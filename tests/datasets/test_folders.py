import struct
import zlib

import numpy as np
import pytest
from making import write_miniature_classes
from PIL import Image
from reading.files import head

from tumorscope.core.errors import BadDataset, UnreadableScan
from tumorscope.datasets.folders import ClassImage, FolderDataset, class_name
from tumorscope.datasets.kaggle4 import Kaggle4Dataset
from tumorscope.datasets.registry import open_dataset

GRAY = head(64, 48)


def image(path, pixels=GRAY, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def voxels(path) -> np.ndarray:
    return ClassImage(path, path.name, "glioma").scan().voxels


@pytest.fixture(scope="module")
def kaggle4(tmp_path_factory):
    return write_miniature_classes(tmp_path_factory.mktemp("classes"))


def test_classes_and_sides_are_found(kaggle4):
    dataset = Kaggle4Dataset.open(kaggle4)
    assert dataset.classes == ("glioma", "meningioma", "notumor", "pituitary")
    assert {case.part for case in dataset.cases} == {"Training", "Testing"}
    assert len(dataset.cases) == 4 * (4 + 2)
    case = next(case for case in dataset.cases if case.case == "Testing/notumor/notumor_1.jpg")
    assert (case.tumor_class, case.patient) == ("notumor", case.case)
    assert case.truth().present.tolist() == [False]
    assert case.truth().mask is None
    assert dataset.cases[0].truth().present.tolist() == [True]
    assert case.scan().shape == (1, 64, 64)


def test_the_published_test_side_is_the_test_part(kaggle4):
    dataset = Kaggle4Dataset.open(kaggle4)
    split = dataset.split()
    assert set(split["test"]) == {case.case for case in dataset.cases if case.case.startswith("Testing/")}
    rest = set(split["train"]) | set(split["validation"])
    assert rest == {case.case for case in dataset.cases if case.case.startswith("Training/")}
    assert len(split["validation"]) == 2  # a tenth of 16


def test_without_published_parts_images_are_split_by_class(tmp_path):
    write_miniature_classes(tmp_path, ("glioma", "notumor"), {"": 10}, size=32)
    dataset = FolderDataset.open(tmp_path)
    assert {case.part for case in dataset.cases} == {""}
    split = dataset.split()
    assert {part: len(names) for part, names in split.parts.items()} == {"train": 14, "validation": 2, "test": 4}
    assert sum(name.startswith("glioma/") for name in split["test"]) == 2


def test_slices_whose_names_tell_the_patient_are_split_by_patient(tmp_path):
    for kind, number in (("glioma", 1), ("glioma", 2), ("notumor", 1), ("notumor", 3)):
        for visit in ("000", "001"):
            for index in range(5):
                image(tmp_path / kind / f"BraTS-GLI-{number:05d}-{visit}_{index}.png")
    dataset = FolderDataset.open(tmp_path)
    patients = {f"BraTS-GLI-{number:05d}" for number in (1, 2, 3)}
    assert {case.patient for case in dataset.cases} == patients
    for split in (dataset.split(), dataset.fold(0)):
        assert sorted(name for names in split.parts.values() for name in names) == sorted(patients)


def test_who_is_on_the_published_test_side_is_not_trained_on(tmp_path):
    for side, number in (("Training", 1), ("Training", 2), ("Training", 3), ("Testing", 1)):
        for kind in ("glioma", "notumor"):
            image(tmp_path / side / kind / f"sub-{number}_ses-{side}_{kind}.png")
    split = FolderDataset.open(tmp_path).split()
    assert split["test"] == ("sub-1",)
    assert sorted(split["train"] + split["validation"]) == ["sub-2", "sub-3"]


def test_folds_hold_every_image_once_and_are_alike_in_class(kaggle4):
    dataset = FolderDataset.open(kaggle4)
    folds = dataset.folds(4)
    assert sorted(name for names in folds.parts.values() for name in names) == sorted(c.case for c in dataset.cases)
    for names in folds.parts.values():
        assert [sum(f"/{kind}/" in name for name in names) for kind in dataset.classes].count(0) == 0
    assert dataset.fold(1)["test"] == dataset.folds(5)["fold1"]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("no_tumor", "notumor"),
        ("No Tumor", "notumor"),
        ("healthy", "notumor"),
        ("no", "notumor"),
        ("glioma_tumor", "glioma"),
        ("glioma_tumour", "glioma"),  # codespell:ignore
        ("Pituitary Tumor", "pituitary"),
        ("MENINGIOMA", "meningioma"),
        ("tumor", "tumor"),
        ("yes", "yes"),
        ("_NORMAL T2", "notumor"),
        ("NORMAL T1", "notumor"),
        ("Astrocitoma T1C+", "astrocitoma"),
        ("Glioma (Astrocitoma, Ganglioglioma, Glioblastoma, Oligodendroglioma, Ependimoma) T1C+", "glioma"),
        ("512Normal", "notumor"),
        ("512Glioma", "glioma"),
        ("T1", "t1"),
        ("FLAIR", "flair"),
        ("1", "1"),
    ],
)
def test_folders_are_called_many_things(folder, kind):
    assert class_name(folder) == kind


def test_what_a_mac_and_masks_leave_behind_is_no_image(tmp_path):
    for kind in ("glioma", "notumor"):
        image(tmp_path / kind / "a.png")
        (tmp_path / kind / "._a.png").write_bytes(b"\0\5\26\7")
        (tmp_path / kind / "notes.txt").write_text("by hand")
        image(tmp_path / kind / "a_mask.png")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".git").mkdir()
    dataset = FolderDataset.open(tmp_path)
    assert [case.case for case in dataset.cases] == ["glioma/a.png", "notumor/a.png"]


@pytest.mark.parametrize(
    ("remake", "name", "words"),
    [
        (lambda root: (root / "Training" / "cyst").mkdir(), "kaggle4", "Training/cyst: not a class of this data set"),
        (lambda root: (root / "Training" / "cyst").mkdir(), "folders", "Training/cyst: no images in this class"),
        (lambda root: (root / "Testing").rename(root / "test"), "kaggle4", "no Training and Testing here"),
        (lambda root: (root / "Testing").rename(root / "x") and (root / "Testing").mkdir(), "folders", "no folders of"),
    ],
)
def test_an_unexpected_layout_is_refused_in_one_line(tmp_path, remake, name, words):
    write_miniature_classes(tmp_path / "data", ("glioma", "notumor"), {"Training": 1, "Testing": 1}, size=32)
    remake(tmp_path / "data")
    with pytest.raises(BadDataset, match=words):
        open_dataset(name, tmp_path / "data")


def test_a_folder_without_classes_is_refused_with_the_layout(tmp_path):
    with pytest.raises(BadDataset, match="no such folder"):
        FolderDataset.open(tmp_path / "nowhere")
    with pytest.raises(BadDataset, match="no folders of classes here"):
        FolderDataset.open(tmp_path)
    image(tmp_path / "glioma" / "a.png")
    with pytest.raises(BadDataset, match="fewer than two classes"):
        FolderDataset.open(tmp_path)


@pytest.mark.parametrize(
    ("name", "mode", "options", "tolerance"),
    [
        ("l.png", None, {}, 0),
        ("rgb.png", "RGB", {}, 0),
        ("rgba.png", "RGBA", {}, 0),
        ("la.png", "LA", {}, 0),
        ("palette.png", "P", {}, 0),
        ("l.bmp", None, {}, 0),
        ("rgb.tif", "RGB", {}, 0),
        ("l.jpg", None, {"quality": 95}, 12),
        ("rgb.jpg", "RGB", {"quality": 95}, 12),
    ],
)
def test_how_colors_are_stored_cannot_be_seen_in_the_voxels(tmp_path, name, mode, options, tolerance):
    read = voxels(image(tmp_path / name, mode=mode, **options))
    assert read.shape == (1, 64, 48, 1)
    assert read.dtype == np.uint8
    difference = np.abs(read[0, ..., 0].astype(int) - GRAY)
    assert difference.max() <= tolerance
    assert difference.mean() <= tolerance / 6


def test_a_gray_jpeg_and_the_same_one_in_color_differ_by_no_more_than_rounding(tmp_path):
    gray = voxels(image(tmp_path / "l.jpg", quality=90)).astype(int)
    color = voxels(image(tmp_path / "rgb.jpg", mode="RGB", quality=90)).astype(int)
    assert np.abs(gray - color).max() <= 1


def bomb(path):
    """A PNG of 20,000 × 20,000 gray pixels in under half a megabyte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(20_001)
    data = b"".join(packer.compress(row) for _ in range(20_000)) + packer.flush()
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    assert path.stat().st_size < 500_000
    return path


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    def unpack(*arguments):
        raise AssertionError("the image was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", unpack)
    with pytest.raises(UnreadableScan, match="64,000,000 allowed"):
        voxels(bomb(tmp_path / "bomb.png"))


def test_empty_images_are_refused_with_the_reason(tmp_path):
    with pytest.raises(UnreadableScan, match="has no contrast, every pixel is the same"):
        voxels(image(tmp_path / "black.png", np.zeros((64, 64), np.uint8)))
    with pytest.raises(UnreadableScan, match="1×1 pixels are too few"):
        voxels(image(tmp_path / "dot.png", np.full((1, 1), 7, np.uint8)))
    pages = [Image.fromarray(GRAY), Image.fromarray(GRAY)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(UnreadableScan, match="several pages"):
        voxels(tmp_path / "pages.tif")


def test_training_leaves_a_corrupt_image_out_and_names_it(tmp_path):
    pytest.importorskip("torch")
    from tumorscope.preprocessing import Preparation
    from tumorscope.training.slices import load_slices

    write_miniature_classes(tmp_path, ("glioma", "notumor"), {"": 2}, size=64)
    whole = (tmp_path / "glioma" / "glioma_0.jpg").read_bytes()
    (tmp_path / "glioma" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    image(tmp_path / "notumor" / "black.png", np.zeros((64, 64), np.uint8))
    dataset = FolderDataset.open(tmp_path)
    store = load_slices(dataset.cases, Preparation(size=64), dataset.classes)
    assert len(store) == 4
    assert set(store.unreadable) == {"glioma/cut.jpg", "notumor/black.png"}
    assert store.unreadable["glioma/cut.jpg"].startswith("cut.jpg: damaged, truncated")
    assert store.classes.tolist() == [0, 0, 1, 1]
    assert store.present.tolist() == [True, True, False, False]
