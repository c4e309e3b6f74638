"""NRRD volumes, and the segmentations that 3D Slicer saves as ``.seg.nrrd``.

https://teem.sourceforge.net/nrrd/format.html. SimpleITK reads voxels and positions; the text header says which
file holds the voxels, the unit of length, and what the segments are called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.scan import SIDES_ASSUMED
from tumorscope.core.segmentation import Segment
from tumorscope.io.checks import label, printable
from tumorscope.io.formats import NRRD
from tumorscope.io.itk import read_itk_volume, unit_mm, voxel_file
from tumorscope.io.label_values import MOST_LABELS, whole_labels
from tumorscope.io.volumes import StoredVolume

_LONGEST_HEADER = 1_000_000
_PATIENT_SPACES = ("right-anterior-superior", "left-anterior-superior", "left-posterior-superior")
_COLORS = re.compile(r"\b(3-color|4-color|rgb-color|rgba-color|hsv-color|xyz-color)\b")
_SEGMENT = re.compile(r"segment(\d+)_(id|name|labelvalue|layer)", re.IGNORECASE)


def read_stored_volume(path: Path) -> StoredVolume:
    """The array and the affine of an NRRD file, nothing turned; its segments, where it is a segmentation.

    Raises:
        UnreadableScan: damaged, RGB, complex, a time series, without a usable affine, or with voxels elsewhere.
    """
    name, header = label(path), _header(path)
    voxels_beside(path)
    if _COLORS.search(header.get("kinds", "").lower()):
        raise UnreadableScan(f"{name}: holds colors (RGB), not MRI intensities; export the scan itself")
    found = read_itk_volume(path, "NrrdImageIO", NRRD, _unit(name, header))
    space = found.fields.get("NRRD_space", "")
    if space.endswith("-time"):
        raise UnreadableScan(f"{name}: a time series ({space}), not a structural scan; give T1, T2 or FLAIR volumes")
    stored = found.stored
    if space not in _PATIENT_SPACES:
        stored = replace(stored, notes=(SIDES_ASSUMED,))
    described = _described(header)
    if not described:
        return stored
    array = whole_labels(stored.array)
    if array.dtype.kind == "f" or array.min() < 0:
        raise UnreadableScan(f"{name}: a segmentation whose voxels are not labels; save it again")
    stored = replace(stored, array=array.astype(np.min_scalar_type(int(array.max()))))
    return replace(stored, segments=_segments(name, described, stored.channels_last()))


def voxels_beside(path: Path) -> Path | None:
    """The file that a detached header names."""
    stated = _header(path).get("datafile")
    return None if stated is None else voxel_file(path, stated)


def _header(path: Path) -> Mapping[str, str]:
    """The fields and the key/value pairs of the text header; names in lower case, without spaces."""
    with path.open("rb") as file:
        text = file.read(_LONGEST_HEADER)
    lines = re.split(rb"\r?\n\r?\n", text, maxsplit=1)[0].decode("utf-8", "replace").splitlines()
    fields = {}
    for line in lines[1:]:
        match = re.match(r"([^#:][^:]*):=?\s*(.*)", line)
        if match:
            fields[re.sub(r"[\s_-]", "", match[1]).lower() if ":=" not in line else match[1].lower()] = match[2].strip()
    return fields


def _unit(name: str, header: Mapping[str, str]) -> float:
    """How many millimeters the unit of the patient's axes has."""
    stated = header.get("spaceunits") or header.get("units") or ""
    units = {unit_mm(unit) for unit in re.findall(r'"([^"]*)"', stated) if unit.strip()}
    if len(units) > 1:
        raise UnreadableScan(f"{name}: its axes have different units ({printable(stated)[:60]}); save it in mm")
    return units.pop() if units else 1.0


def _described(header: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """The attributes of each segment, by its number."""
    segments: dict[int, dict[str, str]] = {}
    for key, value in header.items():
        match = _SEGMENT.fullmatch(key)
        if match:
            segments.setdefault(int(match[1]), {})[match[2].lower()] = value
    return dict(sorted(segments.items()))


def _segments(name: str, described: Mapping[int, Mapping[str, str]], layers: np.ndarray) -> tuple[Segment, ...]:
    """The segments, by layer and label value together; values that no segment describes are labels of their own.

    Raises:
        UnreadableScan: a header that leaves open which voxels a segment has.
    """
    count, segments = layers.shape[3], []
    for number, fields in described.items():
        title = printable(fields.get("name") or fields.get("id") or "")[:60] or f"segment {number}"
        missing = [key for key, needed in (("layer", count > 1), ("labelvalue", len(described) > 1)) if needed]
        missing = [key for key in missing if key not in fields]
        try:
            layer, value = int(fields.get("layer", 0)), int(fields.get("labelvalue", 1))
        except ValueError:
            missing, layer, value = ["layer"], 0, 1
        if missing or not 0 <= layer < count or value < 1:
            what = "LabelValue" if missing == ["labelvalue"] else "Layer"
            raise UnreadableScan(f"{name}: segment {title!r} has no valid {what}; save it again with 3D Slicer 5")
        segments.append(Segment(title, value, layer))
    known = {(segment.layer, segment.label) for segment in segments}
    present = [(layer, int(value)) for layer in range(count) for value in np.unique(layers[..., layer]) if value]
    more = [pair for pair in present if pair not in known]
    if len(more) > MOST_LABELS:
        raise UnreadableScan(f"{name}: {len(more)} labels that no segment describes; save it again")
    segments += [
        Segment(f"label {value}" if count == 1 else f"label {value}, layer {layer}", value, layer)
        for layer, value in more
    ]
    titles = [segment.name for segment in segments]
    return tuple(
        replace(each, name=f"{each.name} ({number})") if titles.count(each.name) > 1 else each
        for number, each in enumerate(segments, start=1)
    )
