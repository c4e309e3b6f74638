import io
import json

import h5py
import imagecodecs
import numpy as np
import pytest
import tifffile
from datasets.miniature import write_br35h, write_brisc, write_mask
from making import write_miniature_classes, write_miniature_figshare
from PIL import Image
from reading.files import head, write_cjdata
from rich.console import Console

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.br35h import Br35hDataset
from tumorscope.datasets.brisc import BriscDataset
from tumorscope.datasets.class_counts import summarize_images
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.figshare_summary import summarize_figshare
from tumorscope.datasets.folders import FolderDataset


def save(path, pixels, mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **options)


@pytest.fixture
def leaky(tmp_path):
    """Four images a class; all of the healthy and one of the others are stored in color."""
    for side, count in (("Training", 3), ("Testing", 1)):
        for index in range(count):
            save(tmp_path / side / "glioma" / f"{index}.jpg", head(64, 48), "RGB" if side == "Testing" else "L")
            save(tmp_path / side / "notumor" / f"{index}.jpg", head(64, 64), "RGB")
    return tmp_path


def test_classes_sides_sizes_and_colors_are_counted(leaky):
    seen = []
    summary = summarize_images(FolderDataset.open(leaky), seen.append)
    assert len(seen) == 8
    assert summary.images == {"glioma": 4, "notumor": 4}
    assert summary.parts == {"Testing": {"glioma": 1, "notumor": 1}, "Training": {"glioma": 3, "notumor": 3}}
    assert summary.sizes == {"64×48": {"glioma": 4, "notumor": 0}, "64×64": {"glioma": 0, "notumor": 4}}
    assert summary.modes == {"RGB": {"glioma": 1, "notumor": 4}, "gray": {"glioma": 3, "notumor": 0}}
    assert summary.bits == {"8": 8}
    assert (summary.patients, summary.tumor_px, summary.unreadable) == (None, None, {})


def test_how_much_of_the_class_storage_gives_away(leaky):
    guessed = summarize_images(FolderDataset.open(leaky)).guessed
    # Two classes of four images: the guess is random, although of the other seven four are of the other class.
    assert guessed["nothing"] == 1 / 2
    # RGB is guessed healthy (4 of 5 right), gray glioma (3 of 3).
    assert guessed["color mode"] == 7 / 8
    assert guessed["image size"] == 1


def test_every_way_to_store_colors_has_its_name(tmp_path):
    for mode in ("L", "RGB", "RGBA", "P", "LA"):
        save(tmp_path / "glioma" / f"{mode}.png", head(32, 32), mode)
    Image.fromarray(head(32, 32).astype(np.uint16) * 200).save(tmp_path / "glioma" / "deep.png")
    save(tmp_path / "notumor" / "a.png", head(32, 32))
    summary = summarize_images(FolderDataset.open(tmp_path))
    assert {mode: found["glioma"] for mode, found in summary.modes.items()} == {
        "gray": 2,
        "RGB": 1,
        "RGBA": 1,
        "gray with alpha": 1,
        "palette": 1,
    }
    assert summary.bits == {"8": 6, "16": 1}


def test_deep_colors_and_a_tiff_that_pillow_cannot_read_are_counted(tmp_path):
    (tmp_path / "glioma").mkdir()
    tifffile.imwrite(tmp_path / "glioma" / "a.tif", np.zeros((32, 40, 3), np.uint16), photometric="rgb")
    tifffile.imwrite(tmp_path / "glioma" / "b.tif", np.zeros((32, 40), np.float64))
    (tmp_path / "glioma" / "c.png").write_bytes(imagecodecs.png_encode(np.zeros((32, 40, 3), np.uint16)))
    save(tmp_path / "notumor" / "a.png", head(32, 32))
    summary = summarize_images(FolderDataset.open(tmp_path))
    assert summary.modes == {"RGB": {"glioma": 2, "notumor": 0}, "gray": {"glioma": 1, "notumor": 1}}
    assert summary.sizes["32×40"]["glioma"] == 3
    assert summary.bits == {"16": 2, "32": 1, "8": 1}


def test_images_that_cannot_be_used_are_named_and_not_counted(tmp_path):
    write_miniature_classes(tmp_path, ("glioma", "notumor"), {"": 2})
    folder = tmp_path / "glioma"
    whole = (folder / "glioma_0.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "page.jpg").write_text("<html>404</html>")
    save(folder / "dot.png", np.full((1, 1), 7, np.uint8))
    save(folder / "huge.png", np.zeros((8001, 8000), np.uint8), "1")
    summary = summarize_images(FolderDataset.open(tmp_path))
    assert summary.images == {"glioma": 2, "notumor": 2}
    assert set(summary.unreadable) == {f"glioma/{name}.jpg" for name in ("cut", "page")} | {
        f"glioma/{name}.png" for name in ("dot", "empty", "huge")
    }
    assert summary.unreadable["glioma/cut.jpg"] == "cut.jpg: the JPEG is truncated; copy or download it again"
    assert "64,000,000 allowed" in summary.unreadable["glioma/huge.png"]
    assert "too few" in summary.unreadable["glioma/dot.png"]
    assert "| left out |" in summary.markdown()


def test_nothing_readable_is_an_error(tmp_path):
    for kind in ("glioma", "notumor"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.png").write_bytes(b"")
    with pytest.raises(BadDataset, match="not one image can be read; the first: a.png"):
        summarize_images(FolderDataset.open(tmp_path))


def test_figshares_patients_folds_and_tumors_are_counted(tmp_path):
    write_miniature_figshare(tmp_path, patients=5, slices=2, size=64)
    for number, (code, area) in enumerate([("MR1", 10), ("MR1B", 30)], start=11):
        mask = np.zeros((40, 32), bool)
        mask.flat[:area] = True
        pid = np.array([[ord(letter)] for letter in code], np.uint16)
        write_cjdata(tmp_path / f"{number}.mat", head(40, 32).astype(np.int16), mask, PID=pid, label=np.array([[3.0]]))
    with h5py.File(tmp_path / "cvind.mat", "w") as file:
        file["cvind"] = np.array([[1.0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 1, 2]])
    (tmp_path / "13.mat").write_bytes(b"")
    seen = []
    summary = summarize_figshare(FigshareDataset.open(tmp_path), seen.append)
    assert len(seen) == 12
    # Types take turns in patients 0 to 4: meningioma, glioma, pituitary, meningioma, glioma.
    assert summary.images == {"glioma": 4, "meningioma": 4, "pituitary": 4}
    assert summary.patients == {"glioma": 2, "meningioma": 2, "pituitary": 3}
    assert summary.parts["fold 0"] == {"glioma": 0, "meningioma": 2, "pituitary": 1}
    assert summary.patients_in_parts is not None
    assert summary.patients_in_parts["fold 1"] == {"glioma": 1, "meningioma": 0, "pituitary": 1}
    assert summary.slices_per_patient is not None
    assert summary.slices_per_patient["pituitary"].least == 1
    assert summary.slices_per_patient["glioma"].median == 2
    assert summary.tumor_px is not None
    assert summary.tumor_px["pituitary"].least == 10
    assert summary.sizes == {
        "64×64": {"glioma": 4, "meningioma": 4, "pituitary": 2},
        "40×32": {"glioma": 0, "meningioma": 0, "pituitary": 2},
    }
    assert summary.bits == {"16": 12}
    assert summary.persons == {"MR1": {"MR1": "fold 0", "MR1B": "fold 1"}}
    assert list(summary.unreadable) == ["13.mat"]


def test_the_summary_is_saved_as_json_and_as_tables(leaky, tmp_path):
    summary = summarize_images(FolderDataset.open(leaky))
    summary.save(tmp_path / "out")
    content = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert content == json.loads(json.dumps(summary.as_dict()))
    assert content["modes"]["RGB"]["glioma"] == 1
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "# folders: 8 images" in text
    assert "| RGB | 1 (25.0 %) | 4 (100.0 %) | 5 (62.5 %) |" in text
    assert "| color mode | 87.5 % |" in text


def test_the_terminal_shows_the_same_tables(leaky):
    console = Console(file=io.StringIO(), width=120)
    summarize_images(FolderDataset.open(leaky)).print(console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in ("folders: 8 images", "Training", "64×48", "87.5 %", "as their owner states"):
        assert words in text


@pytest.mark.real
def test_the_real_samples_are_counted_as_their_files_say(figshare_folder):
    summary = summarize_figshare(FigshareDataset.open(figshare_folder))
    areas = {}
    for number in range(1, 21):
        with h5py.File(figshare_folder / f"{number}.mat") as file:
            areas.setdefault(int(file["cjdata/label"][0, 0]), []).append(int(np.sum(file["cjdata/tumorMask"])))
    assert sum(summary.images.values()) == 20
    assert summary.images == {"meningioma": len(areas[1])}  # the publisher's first files
    assert summary.tumor_px is not None
    assert summary.tumor_px["meningioma"].median == np.median(areas[1])
    assert not summary.unreadable


def test_groups_masks_and_tumor_sizes_of_single_images_are_counted(tmp_path):
    write_br35h(tmp_path, groups=6)
    summary = summarize_images(Br35hDataset.open(tmp_path))
    assert summary.images == {"notumor": 1, "tumor": 12}
    assert (summary.groups, summary.group_count) == ({"notumor": 1, "tumor": 6}, 7)
    assert summary.masks == {"notumor": 0, "tumor": 3}
    assert (summary.planes, summary.parts) == (None, {})
    assert summary.tumor_px["tumor"].median == 42


def test_planes_and_the_published_side_are_counted_by_class(tmp_path):
    write_brisc(tmp_path, per_type=4)
    summary = summarize_images(BriscDataset.open(tmp_path))
    assert summary.planes["coronal"] == {"glioma": 0, "meningioma": 4, "notumor": 4, "pituitary": 0}
    assert summary.planes["axial"]["glioma"] == 4
    assert list(summary.parts) == ["train"]
    assert summary.groups is None  # every image is its own
    assert sum(summary.masks.values()) == 12


def test_an_image_whose_mask_does_not_fit_is_named_and_not_counted(tmp_path):
    write_br35h(tmp_path, groups=2)
    write_mask(tmp_path / "masks" / "y0.png", size=40)
    summary = summarize_images(Br35hDataset.open(tmp_path))
    assert list(summary.unreadable) == ["yes/y0.jpg"]
    assert summary.images["tumor"] == 3
