"""Images of several kinds under one SeriesInstanceUID are told apart, and the plain one is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_making import Grid, uid, voxels_on, write_file, write_series

from tumorscope.core.note import texts
from tumorscope.io import open_scan
from tumorscope.io.dicom.image_kind import FAT, IN_PHASE, OPPOSED_PHASE, WATER, kind_of_description

SMALL = Grid((8, 48, 40), (12.0, 4.8, 5.0))
FLAIR = voxels_on(SMALL, "flair")
PHASE = np.random.default_rng(0).integers(0, 4096, SMALL.shape).astype(np.uint16)
PARTS = {"M": FLAIR, "P": PHASE, "R": PHASE // 2, "I": PHASE // 3}
SAME_SERIES = {"SeriesInstanceUID": "1.2.3", "SeriesDescription": "AX T2 FLAIR"}

ORDERS = [
    ("magnitude first in names and numbers", "ab", (0, 100)),
    ("magnitude last in names and numbers", "ba", (100, 0)),
    ("magnitude first in names alone", "ab", (100, 0)),
    ("magnitude first in numbers alone", "ba", (0, 100)),
]


def write_parts(folder: Path, letters: str, numbers: tuple[int, ...], attributes: dict[str, dict[str, Any]]) -> Path:
    """Parts of a complex image under one SeriesInstanceUID, files and instance numbers in a given order."""
    from pydicom import dcmread

    for part, (letter, number) in zip(attributes, zip(letters, numbers, strict=True), strict=True):
        files = write_series(folder / part, "flair", SMALL, voxels=PARTS[part], **SAME_SERIES, **attributes[part])
        for path in files:
            dataset = dcmread(path)
            dataset.InstanceNumber += number
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid(part, path.name)
            dataset.save_as(folder / f"{letter}{path.name}")
            path.unlink()
        (folder / part).rmdir()
    return folder


def image_types(*parts: str) -> dict[str, dict[str, Any]]:
    return {part: {"ImageType": ["ORIGINAL", "PRIMARY", part, "ND"]} for part in parts}


def check_magnitude(folder: Path) -> None:
    scan = open_scan(folder)
    assert scan.sequences == ("flair",)
    assert np.array_equal(scan.voxels[..., 0], FLAIR)
    assert scan.rejection_reason is None
    (note,) = [note for note in texts(scan.notes) if "left out" in note]
    assert "(8 images, same series, phase images)" in note


@pytest.mark.parametrize(("letters", "numbers"), [order[1:] for order in ORDERS], ids=[order[0] for order in ORDERS])
def test_magnitude_wins_over_phase_in_every_order(tmp_path: Path, letters: str, numbers: tuple[int, int]):
    check_magnitude(write_parts(tmp_path / "s", letters, numbers, image_types("M", "P")))


@pytest.mark.parametrize("letters", ["abcd", "dcba", "bdac", "cadb"])
def test_magnitude_wins_over_phase_real_and_imaginary(tmp_path: Path, letters: str):
    numbers = tuple(100 * "abcd".index(letter) for letter in letters)
    scan = open_scan(write_parts(tmp_path / "s", letters, numbers, image_types("M", "P", "R", "I")))
    assert np.array_equal(scan.voxels[..., 0], FLAIR)
    (note,) = [note for note in texts(scan.notes) if "left out" in note]
    assert all(kind in note for kind in ("phase images", "real parts", "imaginary parts"))


@pytest.mark.parametrize(("letters", "numbers"), [order[1:] for order in ORDERS], ids=[order[0] for order in ORDERS])
def test_ge_tells_them_apart_by_a_private_code(tmp_path: Path, letters: str, numbers: tuple[int, int]):
    folder = write_parts(tmp_path / "s", letters, numbers, {part: {} for part in "MP"})
    for path in sorted(folder.iterdir()):
        is_phase = path.name[0] == letters[1]
        state_private(
            path, {"ImageType": ["ORIGINAL", "PRIMARY", "OTHER"]}, (0x43, 0x2F, "GEMS_PARM_01", "SS", int(is_phase))
        )
    check_magnitude(folder)


def state_private(path: Path, attributes: dict[str, Any], *private: tuple[int, int, str, str, Any]) -> None:
    from pydicom import dcmread

    dataset = dcmread(path)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    for group, element, creator, vr, value in private:
        dataset.private_block(group, creator, create=True).add_new(element, vr, value)
    dataset.save_as(path)


def write_mixed(path: Path, order: str, stated: str) -> Path:
    """One enhanced file of magnitude and phase frames, which the frame type or the component tells apart."""
    from pydicom import Dataset, dcmread

    parts = [write_series(path / part, "flair", SMALL, enhanced=True, voxels=PARTS[part])[0] for part in "MP"]
    magnitude, phase = map(dcmread, parts)
    frames, pixels = [], []
    for dataset, part in ((magnitude, "M"), (phase, "P")):
        size = len(dataset.PixelData) // dataset.NumberOfFrames
        for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            kind = Dataset()
            kind.FrameType = ["ORIGINAL", "PRIMARY", part if stated == "frame type" else "M", "NONE"]
            if stated == "component":
                kind.ComplexImageComponent = {"M": "MAGNITUDE", "P": "PHASE"}[part]
            frame.MRImageFrameTypeSequence = [kind]
            frames.append((part, index, frame))
            pixels.append(dataset.PixelData[index * size : (index + 1) * size])
    keys = {"phase first": lambda i: (frames[i][0] == "M", i), "alternating": lambda i: (frames[i][1], frames[i][0])}
    ranks = sorted(range(len(frames)), key=keys.get(order, lambda i: i))
    del magnitude.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence
    magnitude.ImageType, magnitude.ComplexImageComponent = ["ORIGINAL", "PRIMARY", "MIXED", "NONE"], "MIXED"
    magnitude.PerFrameFunctionalGroupsSequence = [frames[rank][2] for rank in ranks]
    magnitude.PixelData = b"".join(pixels[rank] for rank in ranks)
    magnitude.NumberOfFrames = len(frames)
    magnitude.save_as(path / "mixed.dcm")
    return path / "mixed.dcm"


@pytest.mark.parametrize("stated", ["frame type", "component"])
@pytest.mark.parametrize("order", ["magnitude first", "phase first", "alternating"])
def test_frames_of_one_enhanced_file_are_told_apart(tmp_path: Path, order: str, stated: str):
    check_magnitude(write_mixed(tmp_path, order, stated))


def test_phase_alone_is_not_a_structural_image(tmp_path: Path):
    write_series(tmp_path / "s", "flair", SMALL, **image_types("P")["P"])
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("unknown",)
    assert scan.rejection_reason == "ImageType P, a phase image: not a structural image"


# Dixon


DIXON = {"plain": ["M", "ND"], WATER: ["DIXON", "WATER"], IN_PHASE: ["DIXON", "IN_PHASE"]}
DIXON |= {OPPOSED_PHASE: ["DIXON", "OPP_PHASE"], FAT: ["DIXON", "FAT"]}
BEST_FIRST = ("plain", WATER, IN_PHASE, OPPOSED_PHASE)


def write_t1c(folder: Path, number: int, kind: str, origin: str = "ORIGINAL", **attributes: Any) -> None:
    image_type = [origin, "PRIMARY", *DIXON[kind]]
    stated = {"ImageType": image_type, "SeriesDescription": f"T1 +C {number}", **attributes}
    write_series(folder, "t1c", SMALL, number=number, **stated)


@pytest.mark.parametrize("numbers", [(1, 2, 3, 4, 5), (5, 4, 3, 2, 1)])
@pytest.mark.parametrize("best", BEST_FIRST)
def test_of_dixon_images_the_best_is_taken_whatever_its_number(tmp_path: Path, best: str, numbers: tuple[int, ...]):
    left = BEST_FIRST[BEST_FIRST.index(best) :]
    for number, kind in zip(numbers, (*left, FAT), strict=False):
        write_t1c(tmp_path / "s", number, kind)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("t1c",)
    assert scan.rejection_reason is None
    assert scan.source_images[0].header.SeriesNumber == numbers[0]
    note = next(note for note in texts(scan.notes) if note.startswith("left out"))
    for kind in (*left[1:], FAT):
        assert f"(8 images, {kind})" in note
    if len(left) > 1:
        shown = "acquired plain image" if best == "plain" else best
        taken = f'"T1 +C {numbers[0]}" is taken of {len(left)} t1c series: {shown}, not {left[1]}'
        assert taken in texts(scan.notes)


def test_an_acquired_image_is_taken_before_a_derived_one_with_more_slices(tmp_path: Path):
    write_t1c(tmp_path / "s", 1, "plain", origin="DERIVED")
    many = Grid((16, 48, 40), (6.0, 4.8, 5.0))
    reformatted = {"ImageType": ["DERIVED", "SECONDARY", "MPR"], "SeriesDescription": "T1 +C MPR"}
    write_series(tmp_path / "s", "t1c", many, number=2, **reformatted)
    write_t1c(tmp_path / "s", 9, "plain")
    scan = open_scan(tmp_path / "s")
    assert scan.source_images[0].header.SeriesNumber == 9
    assert '"T1 +C 9" is taken of 3 t1c series: acquired plain image, not derived image' in texts(scan.notes)


def test_fat_alone_is_not_a_structural_image(tmp_path: Path):
    write_t1c(tmp_path / "s", 1, FAT)
    scan = open_scan(tmp_path / "s")
    assert scan.sequences == ("unknown",)
    assert scan.rejection_reason == "ImageType FAT, a Dixon fat image: not a structural image"


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("t1_vibe_dixon_tra_F", FAT),
        ("t1_vibe_dixon_tra_W", WATER),
        ("t1_vibe_dixon_tra_in", IN_PHASE),
        ("t1_vibe_dixon_tra_opp", OPPOSED_PHASE),
        ("FAT: Ax T1 FLEX +C", FAT),
        ("WATER: Ax T1 FLEX +C", WATER),
        ("InPhase: Ax T1 FLEX", IN_PHASE),
        ("OutPhase: Ax T1 FLEX", OPPOSED_PHASE),
        ("AX T1 opposed-phase", OPPOSED_PHASE),
        ("AX T1 in phase", IN_PHASE),
        ("AX T1 FAT SAT +C", ""),
        ("FAT SAT AX T1", ""),
        ("AX T1 NO FAT", ""),
        ("sag_T2_W", ""),
        ("T1 of F", ""),
        ("AX T1 +C", ""),
        ("", ""),
    ],
)
def test_descriptions_name_dixon_images(description: str, kind: str):
    assert kind_of_description(description).name == kind


@pytest.mark.parametrize("description", ["AX T1 in phase", "AX T1 opposed-phase", "t1_tra_opp"])
def test_in_phase_and_opposed_phase_images_keep_their_sequence(tmp_path: Path, description: str):
    write_series(tmp_path / "s", "t1", SMALL, SeriesDescription=description)
    assert open_scan(tmp_path / "s").sequences == ("t1",)


def test_kinds_within_one_series_are_told_apart_by_dixon_too(tmp_path: Path):
    for number, kind in enumerate((FAT, IN_PHASE, WATER), 1):
        write_t1c(tmp_path / "s", number, kind, SeriesInstanceUID="1.2.3", SeriesDescription="Ax T1 IDEAL +C")
    scan = open_scan(tmp_path / "s")
    assert list(scan.source_images[0].header.ImageType[2:]) == ["DIXON", "WATER"]
    assert any("same series, Dixon fat images" in note for note in texts(scan.notes))


def test_a_file_says_its_kind_when_the_header_is_written_without_a_series(tmp_path: Path):
    """Frames are sorted by kind even where nothing else is stated."""
    for part in "PM":
        own = {"ImageType": ["ORIGINAL", "PRIMARY", part], "SOPInstanceUID": uid(part), "SeriesInstanceUID": "1.2"}
        pixels = {"Rows": 48, "Columns": 40, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
        pixels |= {"PixelRepresentation": 0, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"}
        (tmp_path / "s").mkdir(exist_ok=True)
        content = {"PixelData": PARTS[part][4].tobytes(), "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
        write_file(tmp_path / "s" / f"{part}.dcm", {**own, **pixels, **content})
    assert np.array_equal(open_scan(tmp_path / "s").voxels[0, ..., 0], FLAIR[4])
