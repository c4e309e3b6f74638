"""A user's own data: each layout gives the cases, masks and patients that were written, or one line that says why not."""

import json
import shutil
import unicodedata

import nibabel
import numpy as np
import pytest
from datasets.miniature import (
    box,
    noise,
    write_image,
    write_mask,
    write_masks,
    write_nnunet,
    write_own_cases,
    write_table,
    write_three,
    write_volume,
)
from making import write_miniature_figshare
from PIL import Image

from tumorscope.core.errors import BadDataset, BadSplit, TumorscopeError, UnreadableScan
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.holdout import holdout_split
from tumorscope.datasets.own_cases import SeveralLabels
from tumorscope.datasets.own_options import OwnDataOptions, read_patients
from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.datasets.registry import OWN_NAMES, open_dataset, recognize_layout, require_layout
from tumorscope.datasets.split import Split

MERGED = OwnDataOptions(labels="1+2=tumor")


def write_classes(folder):
    for name in ("yes", "no"):
        for number in range(3):
            write_image(folder / name / f"{number}.png", number)


WRITERS = {
    "nnunet": write_nnunet,
    "table": write_table,
    "masks": write_masks,
    "cases": write_own_cases,
    "folders": write_classes,
}


@pytest.mark.parametrize("name", OWN_NAMES)
def test_each_layout_is_recognized_by_its_content(tmp_path, name):
    WRITERS[name](tmp_path)
    assert recognize_layout(tmp_path) == name
    assert open_dataset("own", tmp_path).name == name


def test_what_has_no_layout_is_refused_with_all_that_are_understood(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(BadDataset) as refused:
        require_layout(tmp_path)
    assert all(f"{name}:" in str(refused.value) for name in OWN_NAMES)
    assert "\n" not in str(refused.value)
    lgg = tmp_path / "kaggle_3m"
    write_three(lgg)
    assert recognize_layout(lgg) is None  # slices and masks side by side are not classes


@pytest.mark.parametrize(
    ("values", "mode"),
    [((0, 255), "L"), ((0, 1), "L"), ((0, 1), "P"), ((0, 255), "RGB"), ((0, 65535), "I;16")],
    ids=["0/255", "0/1", "palette", "RGB", "16 bits"],
)
def test_a_mask_is_the_same_however_it_is_stored(tmp_path, values, mode):
    write_image(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    inside = np.zeros((32, 32), bool)
    inside[4:10, 5:12] = True
    stored = np.where(inside, *values[::-1])
    if mode == "P":
        image = Image.fromarray(stored.astype(np.uint8), "P")
        image.putpalette([0, 0, 0, 200, 30, 30])
    elif mode == "I;16":
        image = Image.fromarray(stored.astype(np.uint16))
    else:
        image = Image.fromarray(stored.astype(np.uint8)).convert(mode)
    image.save(tmp_path / "masks" / "a_mask.png")
    (case,) = open_dataset("masks", tmp_path).cases
    assert np.array_equal(case.truth().mask[0], inside)


def test_color_and_size_of_images_may_differ_and_every_one_is_read_in_gray(tmp_path):
    for name, size, mode in (("a", 32, "L"), ("b", 48, "RGB"), ("c", 40, "RGBA")):
        write_image(tmp_path / "images" / f"{name}.png", size=size)
        image = Image.open(tmp_path / "images" / f"{name}.png").convert(mode)
        image.save(tmp_path / "images" / f"{name}.png")
        write_mask(tmp_path / "masks" / f"{name}.tif", size)
    shapes = [case.scan().voxels.shape for case in open_dataset("masks", tmp_path).cases]
    assert shapes == [(1, 32, 32, 1), (1, 48, 48, 1), (1, 40, 40, 1)]


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    write_image(tmp_path / "images" / "a.png", size=32)
    write_mask(tmp_path / "masks" / "a.png", size=48)
    with pytest.raises(UnreadableScan, match=r"the mask is 1×48×48, the scan 1×32×32"):
        open_dataset("masks", tmp_path).cases[0].truth()


def test_images_without_a_mask_are_named_and_left_out_as_they_may_show_a_tumor(tmp_path):
    write_masks(tmp_path)
    (tmp_path / "masks" / "P3_0.png").unlink()
    (tmp_path / "images" / "P1_1.png").unlink()
    dataset = open_dataset("masks", tmp_path)
    assert "P3_0" not in {case.case for case in dataset.cases}
    assert len(dataset.cases) == 8
    assert any("P3_0" in note and "unknown" in note for note in dataset.notes)
    assert any("P1_1.png" in note and "without an image" in note for note in dataset.notes)
    empty = next(case for case in dataset.cases if case.case == "P0_1")
    assert (empty.truth().mask.any(), empty.truth().present.tolist(), empty.label) == (False, [False], "notumor")


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_two_files_of_one_name_are_refused_with_both(tmp_path, folder):
    write_masks(tmp_path)
    write_image(tmp_path / folder / "P2_0.jpg")
    with pytest.raises(BadDataset, match=r"P2_0\.jpg and P2_0\.png have one name"):
        open_dataset("masks", tmp_path)


def test_names_that_do_not_pair_are_refused(tmp_path):
    write_image(tmp_path / "images" / "a.png")
    write_mask(tmp_path / "masks" / "b.png")
    with pytest.raises(BadDataset, match=r"no mask has the name of an image.*a\.png.*b\.png"):
        open_dataset("masks", tmp_path)


def test_volumes_pair_by_stem_too(tmp_path):
    for number in range(3):
        write_volume(tmp_path / "images" / f"n{number}.nii.gz", noise(number))
        write_volume(tmp_path / "labels" / f"n{number}_seg.nii.gz", box(1))
    dataset = open_dataset("own", tmp_path)
    assert (dataset.name, len(dataset.cases)) == ("masks", 3)
    assert dataset.cases[0].truth().mask.sum() == 32


def test_parts_in_folders_are_the_split_and_a_patient_in_two_is_refused(tmp_path):
    for part, patients in (("train", "12345678"), ("test", "9")):
        for patient in patients:
            write_image(tmp_path / part / "images" / f"P{patient}_1.png", int(patient))
            write_mask(tmp_path / part / "masks" / f"P{patient}_1.png")
    split = open_dataset("masks", tmp_path).split()
    assert split["test"] == ("P9",)
    assert len(split["validation"]) == 1
    assert "as the data states, validation drawn from train" in split.method
    write_image(tmp_path / "test" / "images" / "P3_2.png", 77)
    write_mask(tmp_path / "test" / "masks" / "P3_2.png")
    with pytest.raises(BadSplit, match=r"patient P3 is in both test \(test/P3_2\) and train \(train/P3_1\)"):
        open_dataset("masks", tmp_path).split()
    assert set(holdout_split(open_dataset("masks", tmp_path), 0.25).parts) == {"train", "validation", "test"}


def test_patients_come_from_names_a_table_or_the_file_beside_and_the_split_says_how(tmp_path):
    write_masks(tmp_path, patients=5)
    dataset = open_dataset("masks", tmp_path)
    assert {case.patient for case in dataset.cases} == {f"P{number}" for number in range(5)}
    assert "taken from names (P0_0 is of P0; 10 cases, 5 patients)" in dataset.split().method
    listed = {f"P{number}_{index}.png": f"anna{number // 2}" for number in range(5) for index in range(2)}
    table = "file;patient\n" + "\n".join(f"{name};{patient}" for name, patient in listed.items())
    (tmp_path / "patients.csv").write_text(table)
    dataset = open_dataset("masks", tmp_path)
    assert {case.patient for case in dataset.cases} == {"anna0", "anna1", "anna2"}
    assert dataset.split().method.startswith("by patient, from patients.csv")
    given = OwnDataOptions(read_patients(tmp_path / "patients.csv") | {"P0_0": "bert"}, "list.csv")
    assert {case.patient for case in open_dataset("masks", tmp_path, given).cases} >= {"bert", "anna0"}
    with pytest.raises(BadDataset, match=r"10 cases \(P0_0, P0_1, P1_0, …\) not in list\.csv"):
        open_dataset("masks", tmp_path, OwnDataOptions({}, "list.csv"))


def test_without_any_patient_the_split_warns_and_its_file_keeps_that(tmp_path):
    for number in range(4):
        write_image(tmp_path / "images" / f"mri_{number}.png", number)
        write_mask(tmp_path / "masks" / f"mri_{number}.png")
    split = open_dataset("masks", tmp_path).split()
    assert "no name identifies a patient" in split.method
    split.save(tmp_path / "split.json")
    assert Split.load(tmp_path / "split.json") == split
    assert json.loads((tmp_path / "split.json").read_text())["method"] == split.method


@pytest.mark.parametrize("name", ["masks", "cases", "nnunet"])
def test_three_patients_suffice_for_three_parts_and_two_do_not(tmp_path, name):
    WRITERS[name](tmp_path / "three", 3)
    assert [len(names) for names in open_dataset(name, tmp_path / "three").split().parts.values()] == [1, 1, 1]
    WRITERS[name](tmp_path / "two", 2)
    with pytest.raises(BadSplit, match="2 patients"):
        open_dataset(name, tmp_path / "two").split()


def test_a_holdout_takes_its_fraction_of_the_patients(tmp_path):
    write_masks(tmp_path, patients=8, slices=3)
    split = holdout_split(open_dataset("masks", tmp_path), 0.25)
    assert {part: len(names) for part, names in split.parts.items()} == {"train": 5, "validation": 1, "test": 2}
    assert "25 % to test" in split.method


def test_a_holdout_of_published_and_of_combined_sets_is_by_patient(tmp_path):
    figshare = open_dataset("figshare", write_miniature_figshare(tmp_path / "figshare", 8, slices=2, size=32))
    masks = open_dataset("masks", write_masks(tmp_path / "masks", patients=8))
    split = holdout_split(CombinedDataset.join({"figshare": figshare, "masks": masks}, {}), 0.5)
    assert len(split["test"]) == 8
    everyone = {f"figshare/P{number:03d}" for number in range(8)} | {f"masks/P{number}" for number in range(8)}
    assert {name for names in split.parts.values() for name in names} == everyone
    assert "figshare: by patient; 50 % to test" in split.method


def test_a_table_states_classes_patients_and_parts(tmp_path):
    dataset = open_dataset("table", write_table(tmp_path))
    assert dataset.classes == ("glioma", "notumor")
    with_tumor, without = (case.truth() for case in dataset.cases[:2])
    assert (with_tumor.mask.sum(), with_tumor.tumor_class) == (42, "glioma")
    assert (without.mask.sum(), without.tumor_class, without.present.tolist()) == (0, "notumor", [False])
    assert {case.patient for case in dataset.cases} == {f"p{number}" for number in range(5)}
    assert dataset.split().method.startswith("by patient, from the column patient")
    lines = (tmp_path / "cases.csv").read_text().splitlines()
    parts = ["Split", *["train"] * 6, "val", "val", "test", "test"]
    stated = [f"{line};{part}" for line, part in zip(lines, parts, strict=True)]
    (tmp_path / "cases.csv").write_text("\ufeff" + "\n".join(stated).replace(",", ";") + "\n\n")
    split = open_dataset("table", tmp_path / "cases.csv").split()
    assert (split["validation"], split["test"]) == (("p3",), ("p4",))


def test_a_class_without_a_mask_leaves_the_mask_unknown(tmp_path):
    write_image(tmp_path / "a.png")
    (tmp_path / "cases.csv").write_text("image,label\na.png,glioma\n")
    truth = open_dataset("table", tmp_path).cases[0].truth()
    assert (truth.mask, truth.present.tolist(), truth.tumor_class) == (None, [True], "glioma")


def test_a_row_may_name_several_sequences(tmp_path):
    for name, seed in (("f", 1), ("c", 2)):
        write_volume(tmp_path / f"{name}.nii.gz", noise(seed))
        write_image(tmp_path / f"{name}.png", seed)
    write_volume(tmp_path / "m.nii.gz", box(1))
    write_mask(tmp_path / "m.png")
    (tmp_path / "volumes.csv").write_text("t1c,flair,mask\nc.nii.gz,f.nii.gz,m.nii.gz\n")
    (tmp_path / "images.csv").write_text("t1c,flair,mask\nc.png,f.png,m.png\n")
    for table, marked in (("volumes.csv", 32), ("images.csv", 42)):
        (case,) = open_dataset("table", tmp_path / table).cases
        assert case.scan().sequences == ("t1c", "flair")
        assert case.truth().mask.sum() == marked


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("image,mask\nnowhere.png,\n", r"line 2 names nowhere\.png, which is not there"),
        ("image,mask\na.png,nowhere.png\n", r"line 2 names nowhere\.png, which is not there"),
        ("image,masks\na.png,a.png\n", "the column masks is not known; did you mean mask"),
        ("image,label\na.png,x\na.png,y\n", "lines 2 and 3 name the image a"),
        ("image,label,split\na.png,x,later\n", "later is not train, validation or test"),
        ("image,label,patient\na.png,x,p1\nb.png,x,\n", r"1 case \(b\.png\) without a patient"),
        ("file,label\na.png,x\n", "has no column image"),
        ("image,label,label\na.png,x,y\n", "column label twice"),
    ],
)
def test_a_table_with_a_fault_is_refused_with_the_line(tmp_path, text, why):
    for name in "ab":
        write_image(tmp_path / f"{name}.png")
    (tmp_path / "cases.csv").write_text(text)
    with pytest.raises(BadDataset, match=why):
        open_dataset("table", tmp_path / "cases.csv")


def test_a_named_table_is_told_what_is_wrong_with_it_not_what_other_layouts_there_are(tmp_path):
    write_image(tmp_path / "a.png")
    for text, why in (("file,label\na.png,x\n", "has no column image"), ("imäge,label\n", "not text in UTF-8")):
        (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
        with pytest.raises(BadDataset, match=why):
            open_dataset("own", tmp_path / "t.csv")


def test_columns_that_mean_nothing_are_named_and_one_file_under_two_paths_is_one_image(tmp_path):
    write_table(tmp_path)
    table = tmp_path / "cases.csv"
    table.write_text(table.read_text().replace("label", "diagnosis"))
    (note, _left_out) = open_dataset("table", tmp_path).notes
    assert note.startswith("columns that are not used: diagnosis; the known ones are image,")
    (tmp_path / "in").mkdir()
    table.write_text("image,label\n0a.png,x\nin/../0a.png,y\n")
    with pytest.raises(BadDataset, match="lines 2 and 3 name the image 0a"):
        open_dataset("table", tmp_path)


def test_what_programs_hide_in_a_folder_is_no_case(tmp_path):
    write_masks(tmp_path, patients=3)
    whole = open_dataset("own", tmp_path)
    for folder in ("images", "masks"):
        hidden = tmp_path / folder / ".ipynb_checkpoints"
        hidden.mkdir()
        shutil.copy(tmp_path / folder / "P0_0.png", hidden / "P0_0-checkpoint.png")
    assert open_dataset("own", tmp_path) == whole


def test_names_pair_in_either_unicode_form(tmp_path):
    write_image(tmp_path / "images" / unicodedata.normalize("NFD", "Müller_1.png"))  # as a Mac stores it
    write_mask(tmp_path / "masks" / unicodedata.normalize("NFC", "Müller_1.png"))
    (case,) = open_dataset("masks", tmp_path).cases
    assert case.has_mask
    assert case.case == unicodedata.normalize("NFC", "Müller_1")


def test_a_patient_with_images_in_the_folders_of_two_classes_is_one_patient(tmp_path):
    rows = ["image,label"]
    for number in range(4):
        for folder, label in (("Glioma", "glioma"), ("healthy", "no tumor")):
            write_image(tmp_path / folder / f"P{number}_1.png", number)
            rows.append(f"{folder}/P{number}_1.png,{label}")
    (tmp_path / "cases.csv").write_text("\n".join(rows) + "\n")
    assert {case.patient for case in open_dataset("table", tmp_path).cases} == {"P0", "P1", "P2", "P3"}


def test_a_mask_whose_edges_were_smoothed_is_what_is_above_half(tmp_path):
    write_image(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    drawn = np.zeros((16, 16), np.uint8)
    drawn[3:10, 4:11] = 255
    drawn[9, 10] = drawn[3, 4] = 0
    smooth = Image.fromarray(drawn).resize((32, 32), Image.Resampling.BICUBIC)
    smooth = smooth.rotate(17, Image.Resampling.BICUBIC)
    assert len(np.unique(np.asarray(smooth))) > 33
    smooth.save(tmp_path / "masks" / "a.png")
    (case,) = open_dataset("masks", tmp_path).cases
    assert (case.truth().mask[0] == (np.asarray(smooth) > 127)).all()


def test_images_of_three_sequences_are_told_to_be_trained_on_in_gray(tmp_path):
    """What `analyze` would take for t1, flair and t1c; gray images and colored letters on them are no matter."""
    phantom = make_phantom([plausible_lesion(1)], shape=(5, 64, 64), seed=1, sequences=("t1", "flair", "t1c"))
    middle = phantom.scan.voxels[2] / phantom.scan.voxels.max(axis=(0, 1, 2))
    pixels = (255 * middle).astype(np.uint8)
    write_masks(tmp_path / "gray")
    write_masks(tmp_path / "color")
    for path in (tmp_path / "color" / "images").iterdir():
        with Image.open(path) as image:
            Image.fromarray(pixels).resize(image.size).save(path)
    assert open_dataset("masks", tmp_path / "gray").notes == ()
    (note,) = open_dataset("masks", tmp_path / "color").notes
    assert "three channels differ" in note
    assert "in gray" in note


def test_images_and_volumes_are_not_mixed(tmp_path):
    write_image(tmp_path / "a.png")
    write_volume(tmp_path / "b.nii.gz", noise(1))
    for name in ("a.png", "b.nii.gz"):
        write_mask(tmp_path / f"mask_of_{name[0]}.png")
    (tmp_path / "t.csv").write_text("image,mask\na.png,mask_of_a.png\nb.nii.gz,mask_of_b.png\n")
    with pytest.raises(BadDataset, match=r"b\.nii\.gz is a volume and a\.png an image"):
        open_dataset("table", tmp_path)


def test_cases_have_any_names_and_one_without_a_mask_is_named(tmp_path):
    write_own_cases(tmp_path)
    (tmp_path / "A2x" / "x_seg.nii.gz").unlink()
    write_volume(tmp_path / "A1x" / "x_adc.nii.gz", noise(9))
    dataset = open_dataset("cases", tmp_path)
    assert [case.case for case in dataset.cases] == ["A0x", "A1x", "A3x"]
    assert dataset.cases[0].scan().sequences == ("t1", "flair")
    assert any("A2x" in note for note in dataset.notes)
    assert any("x_adc.nii.gz" in note for note in dataset.notes)


def test_labels_are_refused_unless_they_are_merged(tmp_path):
    labels = box(1)
    labels[4:6] *= 2
    write_own_cases(tmp_path)
    write_volume(tmp_path / "A0x" / "x_seg.nii.gz", labels)
    case = open_dataset("cases", tmp_path).cases[0]
    with pytest.raises(SeveralLabels, match=r"has the labels 1, 2: --labels '1\+2=tumor' takes all.*'1=core,2=edema'"):
        case.truth()
    whole, part = (
        open_dataset("cases", tmp_path, OwnDataOptions(labels=text)).cases[0].truth().mask.sum()
        for text in ("1+2=tumor", "2=enhancing")
    )
    assert (whole, part) == (32, 16)
    write_volume(tmp_path / "A0x" / "x_seg.nii.gz", box(3))
    with pytest.raises(SeveralLabels, match=r"label 3 alone; --labels '3=tumor'"):
        case.truth()


def test_an_nnunet_case_has_its_channels_by_name(tmp_path):
    dataset = open_dataset("nnunet", write_nnunet(tmp_path))
    scan = dataset.cases[0].scan()
    assert scan.sequences == ("t1", "flair")
    stored = np.asanyarray(nibabel.load(tmp_path / "imagesTr" / "tumor_000_0000.nii.gz").dataobj)
    assert scan.channel("flair").sum() == stored.sum()
    assert dataset.cases[0].truth().mask.sum() == 32
    assert dataset.sequences == ("flair", "t1")
    (tmp_path / "imagesTr" / "tumor_001_0001.nii.gz").unlink()
    with pytest.raises(BadDataset, match=r"tumor_001 lacks the channel 0001 \(t1\)"):
        open_dataset("nnunet", tmp_path)


VERSION_2 = {"background": 0, "core": 1, "edema": 2}


@pytest.mark.parametrize(
    "labels",
    [VERSION_2, {"0": "background", "1": "core", "2": "edema"}, {"background": 0, "whole": [1, 2], "core": [1]}],
    ids=["version 2", "version 1", "regions"],
)
def test_labels_of_both_versions_are_refused_by_name_or_merged(tmp_path, labels):
    write_nnunet(tmp_path, labels=labels, value=2)
    with pytest.raises(BadDataset, match=r"2 labels, .*core \(1\).*--labels 1\+2=tumor"):
        open_dataset("nnunet", tmp_path)
    assert open_dataset("nnunet", tmp_path, MERGED).cases[0].truth().mask.sum() == 32
    core = OwnDataOptions(labels="core=tumor")
    assert open_dataset("nnunet", tmp_path, core).cases[0].truth().mask.sum() == 0
    with pytest.raises(BadDataset, match="has no label 7"):
        open_dataset("nnunet", tmp_path, OwnDataOptions(labels="7=tumor"))


def test_a_value_that_dataset_json_does_not_name_is_not_read_as_background(tmp_path):
    case = open_dataset("nnunet", write_nnunet(tmp_path, value=255)).cases[0]
    with pytest.raises(UnreadableScan, match="has the value 255; stated are 0, 1"):
        case.truth()


def test_the_decathlon_has_its_channels_in_one_file(tmp_path):
    for number in range(3):
        both = np.stack([noise(number), noise(50 + number)], axis=-1)
        write_volume(tmp_path / "imagesTr" / f"BRATS_{number:03}.nii.gz", both)
        write_volume(tmp_path / "labelsTr" / f"BRATS_{number:03}.nii.gz", box(1))
        (tmp_path / "imagesTr" / f"._BRATS_{number:03}.nii.gz").write_bytes(b"\0\5\26\7")
    description = {"modality": {"0": "FLAIR", "1": "T1w"}, "labels": {"0": "background", "1": "tumor"}}
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    dataset = open_dataset("own", tmp_path)
    assert (dataset.name, len(dataset.cases)) == ("nnunet", 3)
    assert dataset.cases[0].scan().sequences == ("flair", "t1")
    assert dataset.cases[0].truth().mask.sum() == 32


def test_one_numbered_file_may_have_all_channels_as_in_nnunet_2(tmp_path):
    write_nnunet(tmp_path)
    for number in range(4):
        first, second = (tmp_path / "imagesTr" / f"tumor_{number:03}_{channel:04}.nii.gz" for channel in range(2))
        second.unlink()
        write_volume(first, np.stack([noise(number), noise(50 + number)], axis=-1))
    scan = open_dataset("nnunet", tmp_path).cases[3].scan()
    assert scan.channel("t1").sum() == noise(53).sum()


def test_files_may_be_listed_in_dataset_json_alone(tmp_path, monkeypatch):
    write_nnunet(tmp_path / "elsewhere")
    description = json.loads((tmp_path / "elsewhere" / "dataset.json").read_text())
    monkeypatch.setenv("IMAGES", str(tmp_path / "elsewhere" / "imagesTr"))
    listed = {
        f"case {number}": {
            "images": [f"$IMAGES/tumor_{number:03}_{channel:04}.nii.gz" for channel in range(2)],
            "label": f"../elsewhere/labelsTr/tumor_{number:03}.nii.gz",
        }
        for number in range(3)
    }
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps({**description, "dataset": listed}))
    dataset = open_dataset("own", folder)
    assert [case.case for case in dataset.cases] == list(listed)
    assert dataset.cases[2].scan().channel("t1").sum() == noise(5).sum()
    assert dataset.cases[2].truth().mask.sum() == 32


def test_labeled_test_cases_are_the_test_part(tmp_path):
    write_nnunet(tmp_path)
    write_volume(tmp_path / "labelsTs" / "tumor_900.nii.gz", box(1))
    for channel in range(2):
        write_volume(tmp_path / "imagesTs" / f"tumor_900_{channel:04}.nii.gz", noise(channel))
    assert open_dataset("nnunet", tmp_path).split()["test"] == ("tumor_900",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"labels": None}, "has no labels"),
        ({"labels": {"background": 0, "tumor": 1, "ignore": 2}}, "voxels to ignore"),
        ({"labels": {"background": 0, "tumor": "yes"}}, "not a whole number"),
        ({"channel_names": {"0": "CT", "1": "PET"}}, "name each channel by a sequence"),
        ({"channel_names": {"0": "T1", "1": "T1 pre"}}, "name each channel by a sequence of its own"),
        ({"file_ending": ".mha"}, r"no imagesTr/CASE_0000\.mha here"),
    ],
)
def test_a_description_that_cannot_be_trained_is_refused(tmp_path, changes, why):
    write_nnunet(tmp_path)
    description = json.loads((tmp_path / "dataset.json").read_text())
    (tmp_path / "dataset.json").write_text(json.dumps(description | changes))
    with pytest.raises(BadDataset, match=why):
        open_dataset("nnunet", tmp_path)


def test_classes_in_folders_are_split_by_the_patients_that_names_tell(tmp_path):
    for patient in range(6):
        for index in range(2):
            write_image(tmp_path / ("yes" if patient % 2 else "no") / f"patient{patient}_slice{index}.png", patient)
    dataset = open_dataset("own", tmp_path)
    assert {case.patient for case in dataset.cases} == {f"patient{number}" for number in range(6)}
    assert "taken from names" in dataset.split().method


@pytest.mark.parametrize("name", OWN_NAMES)
def test_own_data_is_summarized_and_drawn(tmp_path, name):
    from tumorscope.datasets.registry import dataset_entry

    WRITERS[name](tmp_path)
    entry = dataset_entry(name)
    dataset = entry.open(tmp_path)
    seen = []
    report = entry.summarize(dataset, seen.append)
    assert len(seen) == len(dataset.cases)
    report.save(tmp_path / "summary")
    assert json.loads((tmp_path / "summary" / "summary.json").read_text())["unreadable"] == {}
    assert entry.draw_preview(dataset, 2, 0).width > 200


def test_own_data_is_not_downloaded():
    from tumorscope.datasets.registry import download_dataset

    with pytest.raises(TumorscopeError, match="cannot be downloaded"):
        download_dataset("masks")
