"""NRRD, MetaImage and MGH: voxels and positions are those that SimpleITK, nibabel and FreeSurfer's definition give."""

from __future__ import annotations

import gzip
import struct
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
from reading.files import heads, rotation

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import SIDES_ASSUMED
from tumorscope.io import find_cases, find_mask, open_scan, open_segmentation, read_mask
from tumorscope.reporting.nifti_files import encode_on_stored_grid

sitk = pytest.importorskip("SimpleITK")

VOLUME = heads(20, 24, 22)
"""``(slice, row, column)``"""
STORED = np.ascontiguousarray(VOLUME.transpose(2, 1, 0))
SPACING, ORIGIN = (0.9, 0.8, 3.1), (-40.0, 30.0, 7.0)
DIRECTION = rotation(5, -7, 20)
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def itk_image(array: np.ndarray = VOLUME) -> sitk.Image:
    """An oblique volume."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    image.SetDirection(DIRECTION.ravel().tolist())
    return image


def affine_ras() -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = DIRECTION * SPACING, ORIGIN
    return LPS_TO_RAS @ affine


def write(path: Path, array: np.ndarray = VOLUME, compressed: bool = True) -> Path:
    if path.suffix in (".mgz", ".mgh"):
        nibabel.save(nibabel.MGHImage(array.transpose(2, 1, 0), affine_ras()), path)
    else:
        sitk.WriteImage(itk_image(array), str(path), compressed and path.suffix != ".nhdr")
    return path


def write_nrrd(path: Path, fields: str, array: np.ndarray = STORED) -> Path:
    """An NRRD file of our own: fields beside type, sizes and encoding."""
    kind = {"i2": "short", "u1": "uint8"}[array.dtype.str[1:]]
    sizes = " ".join(map(str, array.shape))
    header = (
        f"NRRD0004\ntype: {kind}\ndimension: {array.ndim}\nsizes: {sizes}\nendian: little\nencoding: raw\n{fields}\n"
    )
    path.write_bytes(header.encode() + b"\n" + array.tobytes(order="F"))
    return path


def write_metaimage(path: Path, fields: str, array: np.ndarray = STORED) -> Path:
    header = f"ObjectType = Image\nNDims = 3\nDimSize = {' '.join(map(str, array.shape))}\nElementType = MET_SHORT\n"
    path.write_bytes(f"{header}{fields}\nElementDataFile = LOCAL\n".encode() + array.tobytes(order="F"))
    return path


def write_mgh(path: Path, type_code: int, array: np.ndarray, good_ras: bool = False) -> Path:
    header = struct.pack(">7ih", 1, *array.shape, 1, type_code, 0, int(good_ras))
    path.write_bytes(header.ljust(284, b"\0") + array.tobytes(order="F"))
    return path


def first_voxel_lps(path: Path) -> np.ndarray:
    """The center of the first stored voxel."""
    stored = open_scan(path).stored
    assert stored is not None
    return (LPS_TO_RAS @ stored.affine)[:3, 3]


@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.mha", "a.mhd", "a.mgz", "a.mgh"])
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8])
def test_an_oblique_volume_is_the_one_that_nifti_holds(tmp_path: Path, name: str, dtype: type):
    scan = open_scan(write(tmp_path / name, VOLUME.astype(dtype)))
    nibabel.save(nibabel.Nifti1Image(STORED.astype(dtype), affine_ras()), tmp_path / "n.nii")
    expected = open_scan(tmp_path / "n.nii")
    np.testing.assert_array_equal(scan.voxels, expected.voxels)
    np.testing.assert_allclose(scan.affine, expected.affine, atol=1e-5)
    assert (scan.voxels.dtype, scan.case, scan.kind) == (dtype, "a", "volume")


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.mgz"])
def test_a_mask_goes_back_onto_the_stored_grid(tmp_path: Path, name: str):
    scan = open_scan(write(tmp_path / name))
    (tmp_path / "m.nii.gz").write_bytes(encode_on_stored_grid(scan, (scan.voxels[..., 0] > 120).astype(np.uint8)))
    back = sitk.ReadImage(str(tmp_path / "m.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), VOLUME > 120)
    np.testing.assert_allclose(back.GetOrigin(), ORIGIN, atol=1e-4)
    np.testing.assert_allclose(back.GetSpacing(), SPACING, atol=1e-5)
    np.testing.assert_allclose(back.GetDirection(), DIRECTION.ravel(), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.nrrd", "nrrd"), ("a.mha", "metaimage"), ("a.mgz", "mgh"), ("a.mgh", "mgh")]
)
@pytest.mark.parametrize("other", ["file", "file.png", "file.nii"])
def test_the_first_bytes_decide_whatever_the_name(tmp_path: Path, name: str, kind: str, other: str):
    from tumorscope.io.recognition import file_format

    path = write(tmp_path / name).rename(tmp_path / other)
    assert file_format(path) == kind
    assert open_scan(path).shape == VOLUME.shape


def test_nrrd_cells_begin_half_a_voxel_before_their_centers(tmp_path: Path):
    path = write_nrrd(tmp_path / "a.nrrd", "spacings: 1 2 3\naxis mins: 0 0 0\ncenters: cell cell cell")
    np.testing.assert_allclose(first_voxel_lps(path), (0.5, 1, 1.5))
    assert SIDES_ASSUMED in open_scan(path).notes


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (1, 1)),
        ("LPS", (1, 1)),
        ("right-anterior-superior", (-1, -1)),
        ("RAS", (-1, -1)),
        ("left-anterior-superior", (1, -1)),
        ("LAS", (1, -1)),
    ],
)
def test_each_space_of_nrrd_has_its_own_sides(tmp_path: Path, space: str, signs: tuple[int, int]):
    fields = f"space: {space}\nspace directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (10,20,30)"
    path = write_nrrd(tmp_path / "a.nrrd", fields)
    np.testing.assert_allclose(first_voxel_lps(path), (10 * signs[0], 20 * signs[1], 30))
    assert SIDES_ASSUMED not in open_scan(path).notes


@pytest.mark.parametrize(("unit", "mm"), [("mm", 1), ("cm", 10), ("m", 1000), ("um", 0.001)])
def test_units_of_length_become_millimeters(tmp_path: Path, unit: str, mm: float):
    size = 2 / mm
    space = f"space: LPS\nspace directions: ({size},0,0) (0,{size},0) (0,0,{size})\nspace origin: (0,0,0)"
    path = write_nrrd(tmp_path / "a.nrrd", f'{space}\nspace units: "{unit}" "{unit}" "{unit}"')
    assert open_scan(path).spacing_mm == pytest.approx((2, 2, 2))
    if unit != "m":
        path = write_metaimage(tmp_path / "a.mha", f"DistanceUnits = {unit}\nElementSpacing = {size} {size} {size}")
        assert open_scan(path).spacing_mm == pytest.approx((2, 2, 2))


def test_metaimage_takes_element_size_position_and_orientation(tmp_path: Path):
    fields = "ElementSize = 1 2 6\nPosition = 10 20 30\nOrientation = 0 1 0 1 0 0 0 0 -1"
    path = write_metaimage(tmp_path / "a.mha", fields)
    image = sitk.ReadImage(str(path))
    scan = open_scan(path)
    assert sorted(scan.spacing_mm or ()) == [1, 2, 6]
    np.testing.assert_allclose(first_voxel_lps(path), (10, 20, 30))
    assert scan.stored is not None
    expected = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    np.testing.assert_allclose((LPS_TO_RAS @ scan.stored.affine)[:3, :3], expected)
    assert SIDES_ASSUMED not in scan.notes


def test_an_mgh_without_a_position_is_where_freesurfer_puts_it(tmp_path: Path):
    """Columns to the left, rows to inferior, slices to anterior, and the center of 11×12×13 voxels at the origin."""
    scan = open_scan(write_mgh(tmp_path / "a.mgh", 4, np.resize(STORED, (17, 18, 19)).astype(">i2")))
    stored = scan.stored
    assert stored is not None
    np.testing.assert_allclose(stored.affine[:3, 3], (8.5, -9.5, 9))
    np.testing.assert_allclose(stored.affine[:3, :3], [[-1, 0, 0], [0, 0, 1], [0, -1, 0]])
    assert SIDES_ASSUMED in scan.notes


def test_an_mgh_of_unsigned_short_is_read(tmp_path: Path):
    values = (STORED.astype("u2") + 40_000).astype(">u2")
    path = write_mgh(tmp_path / "a.mgh", 10, values)
    assert open_scan(path).voxels.max() == values.max() > 32_767
    (tmp_path / "b.mgz").write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(open_scan(tmp_path / "b.mgz").voxels, open_scan(path).voxels)


def test_several_volumes_in_one_file_are_channels_or_a_time_series(tmp_path: Path):
    image = itk_image()
    sitk.WriteImage(sitk.Compose(image, image + 1, image + 2), str(tmp_path / "v.nrrd"))
    sitk.WriteImage(sitk.JoinSeries([image, image + 1, image + 2]), str(tmp_path / "j.mha"))
    for name in ("v.nrrd", "j.mha"):
        voxels = open_scan(tmp_path / name, channels=("t1", "flair", "t1c")).voxels
        assert [int(voxels[..., index].min()) for index in range(3)] == [0, 1, 2]
    sitk.WriteImage(sitk.JoinSeries([image] * 17), str(tmp_path / "t.nrrd"))
    with pytest.raises(UnreadableScan, match="time series of 17 volumes"):
        open_scan(tmp_path / "t.nrrd")


def test_a_folder_may_mix_formats_of_volumes_one_per_sequence(tmp_path: Path):
    folder = tmp_path / "p"
    folder.mkdir()
    write(folder / "p_flair.nrrd")
    write(folder / "p_t1.mha", VOLUME + 1)
    write(folder / "p_seg.nrrd", (VOLUME > 150).astype(np.uint8))
    scan = open_scan(folder)
    assert scan.sequences == ("t1", "flair")
    mask = find_mask(scan)
    assert mask is not None
    np.testing.assert_array_equal(mask, scan.channel("flair") > 150)
    assert find_cases(tmp_path) == [folder]


@pytest.mark.parametrize("name", ["m.nrrd", "m.mha", "m.mgz", "m.seg.nrrd"])
def test_masks_are_read_from_every_format_of_volumes(tmp_path: Path, name: str):
    scan = open_scan(write(tmp_path / "a_flair.nrrd"))
    path = write(tmp_path / name, (VOLUME > 150).astype(np.uint8))
    np.testing.assert_array_equal(read_mask(path, scan), scan.voxels[..., 0] > 150)


LAYERED = """space: left-posterior-superior
space directions: none (1,0,0) (0,1,0) (0,0,3)
kinds: list domain domain domain
space origin: (0,0,0)
Segment0_ID:=Segment_1
Segment0_Name:=whole tumor
Segment0_LabelValue:=1
Segment0_Layer:=0
Segment1_ID:=Segment_2
Segment1_Name:=enhancing
Segment1_LabelValue:=1
Segment1_Layer:=1
Segment2_ID:=Segment_3
Segment2_Name:=edema
Segment2_LabelValue:=2
Segment2_Layer:=1"""


def layers() -> np.ndarray:
    """``(layer, i, j, k)``: a whole tumor of 800 voxels, and in the second layer 48 and 100 of two others."""
    values = np.zeros((2, 22, 24, 20), np.uint8)
    values[0, 4:14, 5:15, 6:14] = 1
    values[1, 5:9, 6:9, 7:11] = 1
    values[1, 0:5, 0:5, 0:4] = 2
    return values


def test_overlapping_segments_are_told_apart_by_layer_and_value_and_keep_their_names(tmp_path: Path):
    path = write_nrrd(tmp_path / "tumor.seg.nrrd", LAYERED, layers())
    found = open_segmentation(path)
    assert [(name, int(mask.sum())) for name, mask in found.masks()] == [
        ("whole tumor", 800),
        ("enhancing", 48),
        ("edema", 100),
    ]
    assert (found.case, len(found.layers)) == ("tumor", 2)
    assert int(found.whole.sum()) == 900
    with pytest.raises(UnreadableScan, match="mask by its name"):
        open_scan(path)
    with pytest.raises(UnreadableScan, match="segmentation by its header"):
        open_scan(path.rename(tmp_path / "tumor.nrrd"))


def test_a_list_of_segments_without_layers_is_refused_by_the_name_of_the_segment(tmp_path: Path):
    fields = "\n".join(line for line in LAYERED.splitlines() if "_Layer" not in line)
    path = write_nrrd(tmp_path / "tumor.seg.nrrd", fields, layers())
    with pytest.raises(UnreadableScan, match="segment 'whole tumor' has no valid Layer"):
        open_segmentation(path)


def test_a_value_that_no_segment_describes_is_a_label_of_its_own(tmp_path: Path):
    values = layers()
    values[1, 20, 20, 15] = 7
    path = write_nrrd(tmp_path / "tumor.seg.nrrd", LAYERED, values)
    assert open_segmentation(path).names == ("whole tumor", "enhancing", "edema", "label 7, layer 1")


def bomb(path: Path) -> Path:
    if path.suffix == ".nrrd":
        path.write_bytes(
            b"NRRD0004\ntype: short\ndimension: 3\nsizes: 30000 30000 30000\nendian: little\nencoding: gzip\n\n"
            + gzip.compress(bytes(1 << 20))
        )
    elif path.suffix == ".mha":
        path.write_bytes(
            b"ObjectType = Image\nNDims = 3\nCompressedData = True\nDimSize = 30000 30000 30000\n"
            b"ElementType = MET_SHORT\nElementDataFile = LOCAL\n" + gzip.compress(bytes(1 << 20))
        )
    else:
        path.write_bytes(gzip.compress(struct.pack(">7ih", 1, 30000, 30000, 30000, 1, 4, 0, 0).ljust(1 << 20, b"\0")))
    return path


@pytest.mark.parametrize("name", ["b.nrrd", "b.mha", "b.mgz"])
def test_a_volume_that_states_too_much_is_refused_without_memory(tmp_path: Path, name: str):
    started = time.process_time()
    with pytest.raises(UnreadableScan, match="voxels are more than"):
        open_scan(bomb(tmp_path / name))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.mgz", "a.mgh", "a.mhd"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_damaged_file_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture, name: str, compressed: bool):
    path = write(tmp_path / name, compressed=compressed)
    voxels = next(iter(tmp_path.glob("*raw")), path)
    voxels.write_bytes(voxels.read_bytes()[:-3000])
    with pytest.raises(UnreadableScan, match=f"{name}: (damaged or truncated|the gzip)") as error:
        open_scan(path)
    assert "\n" not in str(error.value)
    assert str(tmp_path) not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.nrrd", b"NRRD0004\nfoo: bar\n\n"),
        ("a.nrrd", b"NRRD0004\ntype: short\ndimension: 3\nsizes: 0 4 4\nencoding: raw\n\n"),
        ("a.mha", b"ObjectType = Image\nNDims = 3\n"),
        ("a.mha", b"ObjectType = Image\nNDims = 3\nDimSize = 4 4\nElementDataFile = LOCAL\n"),
        ("a.mgh", struct.pack(">7ih", 1, 20, 20, 20, 1, 77, 0, 0)),
        ("a.mgz", gzip.compress(struct.pack(">7ih", 1, 20, 0, 20, 1, 4, 0, 0).ljust(284, b"\0"))),
        ("a.nhdr", b"text"),
    ],
)
def test_a_header_without_sense_is_one_line(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableScan) as error:
        open_scan(tmp_path / name)
    assert str(error.value).startswith(f"{name}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a.nhdr", "a.mhd"])
@pytest.mark.parametrize(
    ("voxels", "message"),
    [("../secret.raw", "in another folder"), ("/etc/hostname", "in another folder"), ("LIST", "several files"),
     ("slice%03d.raw", "several files"), ("gone.raw", "is not beside it")],
)  # fmt: skip
def test_a_header_names_no_file_outside_its_folder(tmp_path: Path, name: str, voxels: str, message: str):
    folder = tmp_path / "upload"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(STORED.tobytes(order="F"))
    path = write(folder / name, compressed=False)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(_renamed(line, voxels) for line in lines) + "\n")
    with pytest.raises(UnreadableScan, match=message):
        open_scan(path)


def _renamed(line: str, voxels: str) -> str:
    for key in ("data file: ", "ElementDataFile = "):
        if line.startswith(key):
            return key + voxels
    return line


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_without_simpleitk_the_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    path = write(tmp_path / name)
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(UnreadableScan, match=r"needs SimpleITK; run `pip install 'tumorscope\[formats\]'`"):
        open_scan(path)


def test_colors_and_complex_numbers_are_not_scans(tmp_path: Path):
    colors = np.zeros((3, 20, 20, 20), np.uint8)
    fields = "space: LPS\nspace directions: none (1,0,0) (0,1,0) (0,0,1)\nkinds: RGB-color domain domain domain"
    with pytest.raises(UnreadableScan, match="colors"):
        open_scan(write_nrrd(tmp_path / "rgb.nrrd", fields, colors))
    image = sitk.Cast(itk_image(), sitk.sitkFloat32)
    sitk.WriteImage(sitk.RealAndImaginaryToComplex(image, image), str(tmp_path / "c.nrrd"))
    with pytest.raises(UnreadableScan, match="complex numbers"):
        open_scan(tmp_path / "c.nrrd")
