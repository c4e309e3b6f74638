import json
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.location import LesionLocation, RegionShare
from tumorscope.reporting.analysis_document import analysis_schema
from tumorscope.reporting.document import load_document, mask_from_document, to_document, to_json

KEYS = {
    "schema", "case", "patient_key", "study_date", "sequences", "bundle", "engine", "operating_point", "input_rejected", "incomplete", "corrected", "rulers", "tumor_present", "tumor_probability", "tumor_type",
    "radiomics_classifier", "types_agree", "slices", "lesions", "labels", "truth_dice", "volume_mm3", "voxels", "mask_rle", "geometry", "warnings", "notice", "timing_ms",
}  # fmt: skip


def strict(text: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_the_document_has_the_keys_of_its_schema(analyzed, volume_scan, mask):
    document = strict(to_json(to_document(analyzed(volume_scan, mask))))
    assert set(document) == KEYS
    assert document["schema"] == "tumorscope.analysis/3"
    assert set(document["bundle"]) == {"name", "version", "sha256", "reason"}
    assert set(document["engine"]) == {"runtime", "precision", "flips"}
    assert document["operating_point"] == {"presence": 0.45, "mask": 0.4}
    assert set(document["geometry"]) == {"shape", "spacing_mm", "affine", "slice_positions", "sequences", "kind"}
    names = {
        "index",
        "number",
        "name",
        "tumor_probability",
        "mask_probability",
        "area_px",
        "area_mm2",
        "type_probabilities",
    }
    assert all(set(part) == names for part in document["slices"])


def test_sizes_and_positions_are_those_of_the_mask(analyzed, volume_scan, mask):
    document = strict(to_json(to_document(analyzed(volume_scan, mask))))
    assert document["voxels"] == int(mask.sum())
    assert document["volume_mm3"] == pytest.approx(mask.sum() * 0.9 * 1.1 * 5)
    assert document["slices"][3]["area_mm2"] == pytest.approx(mask[3].sum() * 0.9 * 1.1, abs=0.01)
    assert document["geometry"]["spacing_mm"] == pytest.approx([5, 1.1, 0.9])
    (lesion,) = document["lesions"]
    assert lesion["bounding_box"] == {"first": [2, 30, 20], "last": [4, 53, 37]}
    assert lesion["largest_slice"] == 3


def test_a_lesions_place_is_part_of_it_where_it_is_known(analyzed, volume_scan, mask):
    analysis = analyzed(volume_scan, mask)
    place = LesionLocation("insula", True, "right", (RegionShare("insula", "right", 1.0),), 30.5)
    located = replace(analysis, lesions=(replace(analysis.lesions[0], location=place),))
    assert strict(to_json(to_document(located)))["lesions"][0]["location"] == {
        "region": "insula",
        "region_certain": True,
        "hemisphere": "right",
        "shares": [{"region": "insula", "hemisphere": "right", "share": 1.0}],
        "midline_gap_mm": 30.5,
    }
    assert strict(to_json(to_document(analysis)))["lesions"][0]["location"] is None


def test_sizes_that_are_not_known_are_null(analyzed, folder_scan, mask):
    document = strict(to_json(to_document(analyzed(folder_scan, mask))))
    assert document["volume_mm3"] is None
    assert document["geometry"]["spacing_mm"] is None
    assert document["geometry"]["affine"] is None
    assert document["slices"][3]["area_mm2"] is None
    assert document["slices"][3]["name"] == "case_4.tif"
    assert document["lesions"][0]["center_mm"] is None


def test_the_runs_decode_to_the_mask(analyzed, folder_scan, mask):
    mask[0, 0, 0] = mask[5, -1, -1] = True
    document = to_document(analyzed(folder_scan, mask))
    assert len(document.mask_rle) == 6
    np.testing.assert_array_equal(mask_from_document(document), mask)


def test_the_file_is_strict_json_that_can_be_loaded_again(analyzed, folder_scan, mask, tmp_path: Path):
    analysis = analyzed(folder_scan, mask)
    path = tmp_path / "analysis.json"
    path.write_text(to_json(to_document(analysis)), encoding="utf-8")
    assert load_document(path) == to_document(analysis)


def test_slices_have_their_number_and_documents_without_one_are_counted_from_one(analyzed, volume_scan, mask, tmp_path):
    downwards = replace(volume_scan, slice_numbers=(26, 25, 24, 23, 22, 21))
    document = strict(to_json(to_document(analyzed(downwards, mask))))
    assert [(part["index"], part["number"]) for part in document["slices"]] == [
        (index, 26 - index) for index in range(6)
    ]
    for part in document["slices"]:
        del part["number"]
    path = tmp_path / "analysis.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert [part.number for part in load_document(path).slices] == [1, 2, 3, 4, 5, 6]


def test_numbers_that_are_not_finite_become_null(analyzed, folder_scan, mask):
    analysis = analyzed(folder_scan, mask)
    odd = replace(analysis.slices[0], tumor_probability=float("nan"), mask_probability=float("inf"))
    document = strict(to_json(to_document(replace(analysis, slices=(odd, *analysis.slices[1:])))))
    assert document["slices"][0]["tumor_probability"] is None
    assert document["slices"][0]["mask_probability"] is None


def test_numpy_numbers_are_written_as_numbers(analyzed, folder_scan, mask):
    analysis = replace(analyzed(folder_scan, mask), tumor_probability=np.float32(0.25), tumor_present=np.bool_(True))
    document = strict(to_json(to_document(analysis)))
    assert document["tumor_probability"] == 0.25
    assert document["tumor_present"] is True


def test_names_with_broken_bytes_still_give_valid_text(analyzed, folder_scan, mask):
    scan = replace(folder_scan, case="a\udcff", slice_names=("\udcff.tif",) * 6)
    to_json(to_document(analyzed(scan, mask))).encode("utf-8")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[]", "not tumorscope.analysis/3"),
        (b'{"schema": "tumorscope.analysis/9"}', "not tumorscope.analysis/3"),
        (b'{"schema": "tumorscope.analysis/3"}', "damaged"),
    ],
)
def test_a_file_that_is_not_a_document_is_refused_with_its_name(tmp_path: Path, content: bytes, says: str):
    path = tmp_path / "analysis.json"
    path.write_bytes(content)
    with pytest.raises(TumorscopeError, match=rf"analysis\.json: {says}"):
        load_document(path)


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path):
    with pytest.raises(TumorscopeError, match=r"analysis\.json: cannot be read"):
        load_document(tmp_path / "analysis.json")


def test_what_is_written_fits_the_json_schema(analyzed, volume_scan, mask):
    schema = analysis_schema()
    document = json.loads(to_json(to_document(analyzed(volume_scan, mask))))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    document["warnings"] = ["a sentence"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_the_viewers_types_are_those_of_the_models():
    viewer = Path(__file__).parents[2] / "viewer"
    printed = runpy.run_path(str(viewer / "analysis_types.py"))["typescript"]()
    command = "python viewer/analysis_types.py > viewer/src/analysis.ts"
    assert (viewer / "src" / "analysis.ts").read_text() == printed, f"run `{command}`"


def test_runs_that_do_not_fill_the_grid_are_refused(analyzed, folder_scan, mask):
    document = to_document(analyzed(folder_scan, mask))
    document.mask_rle[2].counts[0] = 10**15
    with pytest.raises(TumorscopeError, match="mask is damaged"):
        mask_from_document(document)
