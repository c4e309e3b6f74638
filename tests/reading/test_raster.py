from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from reading.files import head, lgg_slice

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import texts
from tumorscope.io import raster
from tumorscope.io.raster import open_raster, read_raster

DEEP = (np.arange(40 * 30, dtype=np.uint16).reshape(40, 30) * 50) % 60_000


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_gray_pixels_come_back_exactly(tmp_path: Path, suffix: str):
    Image.fromarray(head()).save(tmp_path / f"a{suffix}")
    assert np.array_equal(read_raster(tmp_path / f"a{suffix}")[..., 0], head())


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff"])
def test_rgb_pixels_come_back_exactly(tmp_path: Path, suffix: str):
    Image.fromarray(lgg_slice()).save(tmp_path / f"a{suffix}")
    assert np.array_equal(read_raster(tmp_path / f"a{suffix}"), lgg_slice())


def test_jpeg_is_close(tmp_path: Path):
    Image.fromarray(head()).save(tmp_path / "a.jpg", quality=98)
    assert np.abs(read_raster(tmp_path / "a.jpg")[..., 0].astype(int) - head()).mean() < 3


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_gray_keeps_its_depth(tmp_path: Path, suffix: str):
    if suffix == ".png":
        Image.fromarray(DEEP).save(tmp_path / "a.png")
    else:
        tifffile.imwrite(tmp_path / "a.tif", DEEP)
    pixels = read_raster(tmp_path / f"a{suffix}")
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels[..., 0], DEEP)


def test_sixteen_bit_rgb_png_keeps_its_depth(tmp_path: Path):
    import imagecodecs

    colors = np.stack([DEEP, DEEP // 2, DEEP // 3], -1)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(colors))
    assert np.array_equal(read_raster(tmp_path / "a.png"), colors)


def test_a_palette_becomes_its_colors(tmp_path: Path):
    indexed = Image.fromarray(head() // 100)
    indexed = indexed.convert("P")
    indexed.putpalette([0, 0, 0, 10, 20, 30, 200, 100, 50] + [0] * 759)
    expected = np.array([[0, 0, 0], [10, 20, 30], [200, 100, 50]], np.uint8)[head() // 100]
    for suffix in (".png", ".tif", ".bmp"):
        indexed.save(tmp_path / f"a{suffix}")
        assert np.array_equal(read_raster(tmp_path / f"a{suffix}"), expected), suffix


def test_planes_stored_one_after_the_other_are_channels(tmp_path: Path):
    planes = np.moveaxis(lgg_slice(), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_raster(tmp_path / "a.tif"), lgg_slice())


def test_white_is_zero_is_turned_round(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", 255 - head(), photometric="miniswhite")
    assert np.array_equal(read_raster(tmp_path / "a.tif")[..., 0], head())


def test_pages_come_before_rows(tmp_path: Path):
    pages = np.stack([head(seed=seed) for seed in range(4)])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    assert np.array_equal(read_raster(tmp_path / "a.tif")[..., 0], pages)


def test_three_gray_pages_are_pages_not_colors(tmp_path: Path):
    pages = np.stack([head(seed=seed) for seed in range(3)])
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in pages:
            file.write(page, photometric="minisblack", contiguous=False)
    assert read_raster(tmp_path / "a.tif").shape == (3, 64, 48, 1)


def test_what_is_transparent_becomes_black(tmp_path: Path):
    alpha = np.zeros_like(head())
    alpha[10:50, 10:40] = 255
    Image.fromarray(np.dstack([lgg_slice(), alpha])).save(tmp_path / "a.png")
    pixels = read_raster(tmp_path / "a.png")
    assert pixels.shape == (64, 48, 3)
    assert pixels[:10].max() == 0
    assert np.array_equal(pixels[10:50, 10:40], lgg_slice()[10:50, 10:40])


def test_gray_with_alpha_is_one_channel(tmp_path: Path):
    Image.fromarray(np.dstack([head(), np.full_like(head(), 255)])).save(tmp_path / "a.png")
    assert np.array_equal(read_raster(tmp_path / "a.png")[..., 0], head())


def test_a_bit_a_pixel_is_read(tmp_path: Path):
    Image.fromarray(head() > 50).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", head() > 50)
    for name in ("a.png", "a.tif"):
        assert np.array_equal(read_raster(tmp_path / name)[..., 0] > 0, head() > 50), name


def test_float_and_signed_tiffs_become_float32(tmp_path: Path):
    for dtype in (np.float64, np.int16, np.float32, np.uint32):
        tifffile.imwrite(tmp_path / "a.tif", head().astype(dtype))
        pixels = read_raster(tmp_path / "a.tif")
        assert pixels.dtype == np.float32
        assert np.array_equal(pixels[..., 0], head())


def test_the_content_counts_not_the_suffix(tmp_path: Path):
    Image.fromarray(head()).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    assert np.array_equal(read_raster(tmp_path / "a.tif")[..., 0], head())


def test_compressed_tiffs_are_read(tmp_path: Path):
    for compression in ("zlib", "lzw", "jpeg", "packbits"):
        tifffile.imwrite(tmp_path / "a.tif", lgg_slice(), photometric="rgb", compression=compression)
        assert read_raster(tmp_path / "a.tif").shape == (64, 48, 3), compression


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raster, "MAX_PIXELS", 1000)
    Image.fromarray(head()).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", head())
    for name in ("a.png", "b.tif"):
        with pytest.raises(UnreadableScan, match="more than the"):
            read_raster(tmp_path / name)


def one_bit_tiff(path: Path, inside: np.ndarray, photometric: str, software: str) -> Path:
    """A TIFF of one bit a pixel that shows ``inside`` white, as the standard stores it."""
    stored = inside if photometric == "minisblack" else ~inside
    tifffile.imwrite(path, stored, photometric=photometric, software=software)
    return path


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("software", ["", "scanner 1.0"])
def test_one_bit_pixels_are_white_where_the_header_says_so(tmp_path: Path, photometric: str, software: str):
    inside = np.zeros((64, 64), bool)
    inside[10:30, 20:40] = True
    path = one_bit_tiff(tmp_path / "a.tif", inside, photometric, software)
    assert np.array_equal(read_raster(path)[..., 0], inside)
    # Fax compression, as scanners write it.
    Image.fromarray(inside).save(tmp_path / "b.tif", compression="group4")
    assert np.array_equal(read_raster(tmp_path / "b.tif")[..., 0], inside)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_an_image_is_upright_as_its_exif_says(tmp_path: Path, orientation: int, suffix: str):
    exif = Image.Exif()
    exif[274] = orientation
    stored = head()
    Image.fromarray(stored).save(tmp_path / "known.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "known.png")))
    if suffix == ".tif":
        extra = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", extratags=extra)
    else:
        Image.fromarray(stored).save(tmp_path / f"a{suffix}", exif=exif, quality=98)
    raster = open_raster(tmp_path / f"a{suffix}")
    assert np.abs(raster.pixels[..., 0].astype(int) - upright).mean() < 3
    assert bool(texts(raster.notes)) == (orientation != 1)


def test_an_animated_png_is_refused_by_its_name(tmp_path: Path):
    frames = [Image.fromarray(head(seed=seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableScan, match="a.png: is an animated PNG of 3 frames; save each as its own file"):
        read_raster(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_the_index_of_a_palette_is_the_label(tmp_path: Path, suffix: str):
    labels = head() // 100
    indexed = Image.fromarray(labels).convert("P")
    # A gray for no label, and one brightness for two labels.
    indexed.putpalette([128, 128, 128, 200, 0, 0, 0, 200, 0] + [0] * 759)
    indexed.save(tmp_path / f"a{suffix}")
    assert np.array_equal(read_raster(tmp_path / f"a{suffix}", indices=True)[..., 0], labels)


def test_a_palette_of_black_and_white_is_white_inside_in_either_order(tmp_path: Path):
    for black, white in ((0, 1), (1, 0)):
        palette = [0] * 768
        palette[3 * white : 3 * white + 3] = [255] * 3
        indexed = Image.fromarray(np.where(head() > 50, white, black).astype(np.uint8)).convert("P")
        indexed.putpalette(palette)
        indexed.save(tmp_path / "a.png")
        assert np.array_equal(read_raster(tmp_path / "a.png", indices=True)[..., 0] > 0, head() > 50)


def test_a_transparent_index_is_not_a_label(tmp_path: Path):
    labels = head() // 100
    indexed = Image.fromarray(labels).convert("P")
    indexed.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0] + [0] * 759)
    indexed.save(tmp_path / "a.png", transparency=1)
    assert np.array_equal(read_raster(tmp_path / "a.png", indices=True)[..., 0], np.where(labels == 1, 0, labels))
