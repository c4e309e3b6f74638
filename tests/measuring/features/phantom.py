"""The digital phantom of the Image Biomarker Standardization Initiative and its published feature values.

Voxels: https://github.com/theibsi/data_sets, ibsi_1_digital_phantom (CC BY 4.0). Values
and tolerances: reference manual, arXiv:1612.07003, tables of chapter 3; the tags are those
of the initiative's own table of reference values.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

SPACING_MM = (2.0, 2.0, 2.0)

_SLICES = (
    ("14411", "14611", "41641", "44641"),
    ("14411", "11611", ".1311", "44611"),
    ("144..", "11111", "11.11", "11611"),
    ("144..", "11111", "11111", "11611"),
)
"""Rows of gray levels; dots lie outside the region."""


def digital_phantom() -> tuple[np.ndarray, np.ndarray]:
    """Image and mask, ``(slice, row, column)``; 74 of the 80 voxels lie in the region."""
    image = np.array([[[0 if sign == "." else int(sign) for sign in row] for row in rows] for rows in _SLICES])
    return np.where(image > 0, image, 9), image > 0


def read_reference() -> dict[str, tuple[str, float]]:
    """Published value, as printed, and tolerance of each tag."""
    with (Path(__file__).parent / "ibsi_phantom.csv").open() as file:
        return {row["tag"]: (row["value"], float(row["tolerance"])) for row in csv.DictReader(file)}
