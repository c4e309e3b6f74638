"""What the page's network sees is what Python's sees."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import ExifTags, Image
from scipy import ndimage
from static_page.conftest import Node
from static_page.inputs import interlaced_png, write_inputs

from tumorscope.datasets.phantom import make_phantom, plausible_lesion
from tumorscope.inference.acquired_slices import network_view
from tumorscope.inference.bundle import shipped_bundles
from tumorscope.io import open_scan
from tumorscope.preprocessing import input_check, prepare
from tumorscope.preprocessing.input_check import default_input_check, scan_score
from tumorscope.preprocessing.input_check.content import content_reason
from tumorscope.preprocessing.sampling import sample_slices

CHECK = Path(input_check.__file__).with_name("input_check.json")


def test_fifty_files_are_prepared_as_in_python(node: Node, tmp_path: Path) -> None:
    files = write_inputs(tmp_path / "inputs")
    assert len(files) == 50

    node("test/run.mjs", "prepare.ts", tmp_path, CHECK, *files)

    settings = next(bundle for bundle in shipped_bundles() if bundle.name == "t1c").card.preparation
    furthest, scores = 0.0, []
    for number, path in enumerate(files):
        scan = open_scan(path)
        view = network_view(scan)
        voxels = view.forward(scan.voxels)
        sampling = sample_slices(len(voxels), view.spacing_mm and view.spacing_mm[0], settings.slice_distance_mm)
        voxels = voxels[sampling.indices]
        expected = prepare(voxels, settings, view.pixel_aspect).images[:, 0]

        told = json.loads((tmp_path / f"{number}.json").read_text())
        assert told["reason"] is None, path.name
        assert told["slices"] == sampling.indices.tolist(), path.name
        found = np.fromfile(tmp_path / f"{number}.f32", np.float32).reshape(expected.shape)
        assert np.abs(found - expected).max() <= 1e-3, path.name
        furthest = max(furthest, float(np.abs(found - expected).max()))
        scores.append((told["score"], scan_score(voxels, default_input_check(), view.pixel_aspect)))
    assert np.ptp([score for score, _ in scores]) > 1  # heads of all kinds do not score alike
    assert [score for score, _ in scores] == pytest.approx([score for _, score in scores], abs=0.02)
    print(f"furthest from Python: {furthest:.1e}; score: {np.abs(np.diff(scores)).max():.1e}")


def test_interlaced_and_turned_images_are_read_as_in_python(node: Node, tmp_path: Path) -> None:
    head = (make_phantom([plausible_lesion(1)], seed=1, shape=(5, 150, 130)).scan.voxels[2, ..., 0] >> 2).astype(
        np.uint16
    )
    assert np.unique(head).size > 100
    assert head.max() < 1000  # of which eight bits keep four levels
    files = {"gray16": interlaced_png(head), "gray8": interlaced_png((head * (255 / head.max())).astype(np.uint8))}
    for name, content in files.items():
        (tmp_path / f"{name}.png").write_bytes(content)
    paths = [tmp_path / f"{name}.png" for name in files]
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        paths.append(tmp_path / f"turned{orientation}.png")
        Image.fromarray(head).save(paths[-1], exif=exif)

    node("test/run.mjs", "prepare.ts", tmp_path, CHECK, *paths)

    settings = next(bundle for bundle in shipped_bundles() if bundle.name == "t1c").card.preparation
    for number, path in enumerate(paths):
        expected = prepare(open_scan(path).voxels, settings, 1.0).images[:, 0]
        found = np.fromfile(tmp_path / f"{number}.f32", np.float32).reshape(expected.shape)
        assert np.abs(found - expected).max() <= 1e-3, path.name


def test_what_the_values_rule_out_is_refused_as_in_python(node: Node, tmp_path: Path) -> None:
    away = np.linalg.norm(np.indices((10, 64, 64)) / [[[[5]]], [[[32]]], [[[32]]]] - 1, axis=0)
    tissues = np.select([away < 0.4, away < 0.6, away < 0.9], [3, 2, 1], 0)
    noise = np.random.default_rng(0).normal(0, 1, tissues.shape)
    contents = {
        "regions": tissues.astype(np.int16),
        "tissue": ndimage.gaussian_filter((tissues > 1).astype(np.float32), 0.5),
        "ct": (np.where(tissues > 0, 40, -1000) + 5 * noise).round().astype(np.int16),
        "adc": np.where(tissues > 0, 8e-4 + 1e-5 * noise, 0).astype(np.float32),
    }
    files = [tmp_path / f"{name}.nii" for name in contents]
    for path, voxels in zip(files, contents.values(), strict=True):
        nib.save(nib.Nifti1Image(voxels.transpose(2, 1, 0), np.diag([-3.6, -3.6, 13, 1])), path)

    node("test/run.mjs", "prepare.ts", tmp_path, CHECK, *files)

    told = [json.loads((tmp_path / f"{number}.json").read_text())["reason"] for number in range(len(files))]
    reasons = [content_reason(open_scan(path)) for path in files]
    assert len(set(reasons)) == 4
    assert told == [f"{reason[0].upper()}{reason[1:]}." for reason in reasons if reason is not None]
