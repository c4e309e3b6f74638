"""nnU-Net's own readers and ours find the same cases, channels, labels and voxels in the same data set."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from datasets.miniature import box, noise
from PIL import Image

from tumorscope.core.scan import Scan
from tumorscope.datasets.own_options import OwnDataOptions
from tumorscope.datasets.registry import open_dataset

REASON = "no nnunetv2: pip install --no-deps nnunetv2==2.8.1 batchgenerators acvl-utils; pip install blosc2 pandas"
pytest.importorskip("nnunetv2.utilities.label_handling.label_handling", reason=REASON)
from nnunetv2.dataset_conversion.convert_MSD_dataset import split_4d_nifti
from nnunetv2.dataset_conversion.convert_raw_dataset_from_old_nnunet_format import convert
from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

REGIONS = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": 3}
CHANNELS = ("FLAIR", "T1", "T1Gd", "T2")
OURS = {"FLAIR": "flair", "T1": "t1", "T1Gd": "t1c", "T2": "t2"}
UPRIGHT = np.diag([-1.0, -1, 6, 1])
TURNED = np.array([[0, 0, 6.0, -10], [0.9, 0, 0, 3], [0, -1.1, 0, 50], [0, 0, 0, 1]])  # sagittal slices, upside down


def describe(folder: Path, **changes: Any) -> None:
    description = {
        "channel_names": {str(number): name for number, name in enumerate(CHANNELS)},
        "labels": REGIONS,
        "regions_class_order": [1, 2, 3],
        "numTraining": 3,
        "file_ending": ".nii.gz",
    }
    kept = {key: value for key, value in (description | changes).items() if value is not None}
    (folder / "dataset.json").write_text(json.dumps(kept))


def save(path: Path, values: np.ndarray, affine: np.ndarray = UPRIGHT) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return str(path)


def labels(number: int) -> np.ndarray:
    """Three labels, two of them inside the first; nothing is symmetric."""
    values = box(1) + box(2) * (np.arange(6) == 3)
    values[5, 6, 2] = 2
    return np.roll(values, number, axis=0).astype(np.uint8)


def write(folder: Path, affine: np.ndarray = UPRIGHT, images: str = "imagesTr", masks: str = "labelsTr") -> Path:
    for number in range(3):
        for channel in range(4):
            save(folder / images / f"BRATS_{number:03}_{channel:04}.nii.gz", noise(4 * number + channel), affine)
        save(folder / masks / f"BRATS_{number:03}.nii.gz", labels(number), affine)
    describe(folder)
    return folder


def assert_agreement(folder: Path, of_nnunet: Path | None = None) -> None:
    """The same cases, and for each the same voxels of every channel and label at the same indices, with the same spacing."""
    description = json.loads(((of_nnunet or folder) / "dataset.json").read_text())
    theirs = get_filenames_of_train_images_and_targets(str(of_nnunet or folder), dict(description))
    manager = LabelManager(description["labels"], description.get("regions_class_order"))
    assert manager.all_labels == [0, 1, 2, 3]
    regions = {name: np.atleast_1d(value) for name, value in description["labels"].items() if name != "background"}
    names = list(description["channel_names"].values())
    for region, values in regions.items():
        dataset = open_dataset("own", folder, OwnDataOptions(labels=f"{region}=tumor"))
        assert dataset.name == "nnunet"
        assert [case.case for case in dataset.cases] == sorted(theirs)
        for case in dataset.cases:
            files = theirs[case.case]
            io = determine_reader_writer_from_dataset_json(description, files["images"][0], verbose=False)()
            images, properties = io.read_images(files["images"])
            seg, _ = io.read_seg(files["label"])
            assert len(images) == len(names)
            scan = case.scan()
            mask = case.truth().mask
            assert mask is not None
            np.testing.assert_array_equal(as_nnunet(scan, mask), np.isin(seg[0], values))
            for name, image in zip(names, images, strict=True):
                np.testing.assert_array_equal(as_nnunet(scan, scan.channel(OURS[name])), image)
            if scan.stored is not None:
                ours = np.linalg.norm(scan.stored.affine[:3, :3], axis=0)[::-1]
                np.testing.assert_allclose(ours, properties["spacing"], rtol=1e-6)


def as_nnunet(scan: Scan, array: np.ndarray) -> np.ndarray:
    """Our ``(slice, row, column)`` on the grid of the file, whose axes nnU-Net has in reverse order."""
    return array if scan.stored is None else scan.stored.to_stored(array).transpose(2, 1, 0)


@pytest.mark.parametrize("affine", [UPRIGHT, np.diag([1.0, 1, 6, 1]), TURNED], ids=["LPS", "RAS", "sagittal"])
@pytest.mark.parametrize("reader", ["SimpleITKIO", "NibabelIO"])
def test_channels_regions_and_axes(tmp_path, affine, reader):
    write(tmp_path, affine)
    describe(tmp_path, overwrite_image_reader_writer=reader)
    assert_agreement(tmp_path)


def test_files_that_dataset_json_lists(tmp_path, monkeypatch):
    folder = tmp_path / "Dataset001_Tumor"
    write(tmp_path / "elsewhere", images="scans", masks="truth")
    folder.mkdir()
    monkeypatch.setenv("SCANS", str(tmp_path / "elsewhere" / "scans"))
    roots = ("$SCANS", "../elsewhere/scans", str(tmp_path / "elsewhere" / "scans"))
    listed = {
        f"case.{number}": {
            "images": [f"{root}/BRATS_{number:03}_{channel:04}.nii.gz" for channel in range(4)],
            "label": f"../elsewhere/truth/BRATS_{number:03}.nii.gz",
        }
        for number, root in enumerate(roots)
    }
    describe(folder, dataset=listed)
    assert_agreement(folder)


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif"])
def test_single_images_of_several_channels(tmp_path, ending):
    for number in range(3):
        for channel in range(4):
            save_image(
                tmp_path / "imagesTr" / f"BRATS_{number:03}_{channel:04}{ending}", noise(number + channel)[..., 2]
            )
        save_image(tmp_path / "labelsTr" / f"BRATS_{number:03}{ending}", labels(number)[..., 3])
    describe(tmp_path, file_ending=ending)
    assert_agreement(tmp_path)


def save_image(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, values.T.astype(np.uint8), photometric="minisblack")
    else:
        Image.fromarray(np.ascontiguousarray(values.T.astype(np.uint8))).save(path)


def old_description(cases: Sequence[str]) -> dict[str, Any]:
    """What nnU-Net 1 and the Medical Segmentation Decathlon have."""
    return {
        "channel_names": None,
        "regions_class_order": None,
        "file_ending": None,
        "modality": {str(number): name for number, name in enumerate(CHANNELS)},
        "labels": {"0": "background", "1": "edema", "2": "core", "3": "enhancing"},
        "tensorImageSize": "4D",
        "numTest": 0,
        "training": [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in cases],
        "test": [],
    }


def test_version_1(tmp_path, monkeypatch):
    old = write(tmp_path / "Task001_Tumor")
    describe(old, **old_description([f"BRATS_{number:03}" for number in range(3)]))
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    convert(str(old), "Dataset001_Tumor")
    assert_agreement(old, tmp_path / "Dataset001_Tumor")
    assert_agreement(tmp_path / "Dataset001_Tumor")


def test_the_decathlon_as_nnunet_splits_it(tmp_path):
    decathlon, split = tmp_path / "Task01_BrainTumour", tmp_path / "Dataset001_BrainTumour"
    write(split)
    for number in range(3):
        images = np.stack([noise(4 * number + channel) for channel in range(4)], axis=-1)
        path = save(decathlon / "imagesTr" / f"BRATS_{number:03}.nii.gz", images)
        save(decathlon / "labelsTr" / f"BRATS_{number:03}.nii.gz", labels(number))
        for file in split.glob(f"imagesTr/BRATS_{number:03}_*"):
            file.unlink()
        split_4d_nifti(path, str(split / "imagesTr"))
    description = old_description([f"BRATS_{number:03}" for number in range(3)])
    describe(decathlon, **description)
    describe(split, labels={name: int(value) for value, name in description["labels"].items()})
    assert_agreement(decathlon, split)


def test_a_file_with_all_channels(tmp_path):
    for number in range(3):
        images = np.stack([noise(4 * number + channel) for channel in range(4)], axis=-1)
        save(tmp_path / "imagesTr" / f"BRATS_{number:03}_0000.nii.gz", images)
        save(tmp_path / "labelsTr" / f"BRATS_{number:03}.nii.gz", labels(number))
    describe(tmp_path)
    assert_agreement(tmp_path)
