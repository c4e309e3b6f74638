"""TIFFs are read with the values that Python reads, or refused with one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from static_page.conftest import Node
from static_page.test_preparation import CHECK

from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.inference.bundle import shipped_bundles
from tumorscope.io import open_scan
from tumorscope.preprocessing import prepare


@pytest.fixture(scope="module")
def heads() -> np.ndarray:
    """Slices of a head, uint16 ``(slice, row, column)``."""
    scan = make_phantom([plausible_lesion(1)], seed=1, shape=(5, 150, 131)).scan
    return (scan.voxels[..., 0] / scan.voxels.max() * 60000).astype(np.uint16)


def write_readable(folder: Path, heads: np.ndarray) -> Iterator[Path]:
    """TIFFs of every kind that the page reads."""
    deep, plain = heads[2], (heads[2] >> 8).astype(np.uint8)
    color = np.stack([heads[1] >> 8, heads[2] >> 8, heads[3] >> 8], -1).astype(np.uint8)
    clear = np.dstack([plain, plain, plain, np.where(plain > 100, 255, 120)]).astype(np.uint8)

    def write(name: str, pixels: np.ndarray, **options) -> Path:
        tifffile.imwrite(folder / f"{name}.tif", pixels, **options)
        return folder / f"{name}.tif"

    for compression in (None, "lzw", "zlib"):
        for name, pixels in (("plain", plain), ("deep", deep)):
            yield write(f"{name}-{compression}", pixels, compression=compression, rowsperstrip=17)
    yield write("predicted", deep, compression="lzw", predictor=True, rowsperstrip=20)
    yield write("predicted-color", color, compression="zlib", predictor=True, photometric="rgb")
    yield write("big-endian", deep, byteorder=">", compression="zlib")
    yield write("color", color, photometric="rgb")
    yield write("gray-as-color", np.dstack([plain] * 3), photometric="rgb", compression="lzw")
    yield write("transparent", clear, photometric="rgb", extrasamples=["unassalpha"])
    yield write("premultiplied", clear, photometric="rgb", extrasamples=["assocalpha"])
    yield write("inverted", 65535 - deep, photometric="miniswhite")
    yield write("signed", (deep // 2).astype(np.int16) - 900, compression="lzw")
    yield write("fractions", deep.astype(np.float32) / 7)
    yield write("tiles", deep, tile=(64, 48), compression="lzw", predictor=True)
    yield write("color-tiles", color, tile=(64, 48), photometric="rgb")
    yield write(
        "color-planes", color.transpose(2, 0, 1), planarconfig="separate", photometric="rgb", compression="zlib"
    )
    yield write("packed", plain, compression="packbits")
    yield write("long", deep.astype(np.uint32) * 1000)
    yield write("big", deep, bigtiff=True)
    yield write("pages", heads, compression="zlib", photometric="minisblack")
    yield write("turned", deep, extratags=[(274, "H", 1, 6, True)])
    Image.fromarray(plain).convert("P").save(folder / "palette.tif")
    yield folder / "palette.tif"


def test_tiffs_are_prepared_as_in_python(node: Node, tmp_path: Path, heads: np.ndarray) -> None:
    files = list(write_readable(tmp_path, heads))
    assert len(files) == 25

    node("test/run.mjs", "prepare.ts", tmp_path, CHECK, *files)

    settings = next(bundle for bundle in shipped_bundles() if bundle.name == "t1c").card.preparation
    for number, path in enumerate(files):
        scan = open_scan(path)
        voxels = scan.voxels[..., -1:]  # of three sequences the T1c
        expected = prepare(voxels, settings, 1.0).images[:, 0]
        told = json.loads((tmp_path / f"{number}.json").read_text())
        assert "error" not in told, (path.name, told)
        assert told["slices"] == list(range(len(voxels))), path.name
        found = np.fromfile(tmp_path / f"{number}.f32", np.float32).reshape(expected.shape)
        assert np.abs(found - expected).max() <= 1e-3, path.name


def other_sizes(path: Path, plain: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as file:
        for pixels in (plain, plain[:90]):
            file.write(pixels, contiguous=False)


def truncated(path: Path, plain: np.ndarray) -> None:
    tifffile.imwrite(path, plain, compression="zlib")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


REFUSED: list[tuple[Callable[[Path, np.ndarray], object], str]] = [
    (lambda path, plain: tifffile.imwrite(path, plain, compression="zstd"), "this compression"),
    (lambda path, plain: tifffile.imwrite(path, plain, compression="jpeg"), "this compression"),
    (lambda path, plain: tifffile.imwrite(path, plain > 100), "1 bits per pixel"),
    (other_sizes, "differ in size"),
    (truncated, "damaged or truncated"),
]


def test_other_tiffs_are_refused_with_one_line(node: Node, tmp_path: Path, heads: np.ndarray) -> None:
    files = [tmp_path / f"refused{number}.tif" for number in range(len(REFUSED))]
    for path, (write, _words) in zip(files, REFUSED, strict=True):
        write(path, (heads[2] >> 8).astype(np.uint8))

    node("test/run.mjs", "prepare.ts", tmp_path, CHECK, *files)

    for number, (_write, words) in enumerate(REFUSED):
        told = json.loads((tmp_path / f"{number}.json").read_text())
        assert words in told.get("error", ""), (number, told)
        assert "\n" not in told["error"]
