"""All features of one region, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from tumorscope.core.errors import TumorscopeError
from tumorscope.measurement.radiomics.autocorrelation import autocorrelation
from tumorscope.measurement.radiomics.contour import contour
from tumorscope.measurement.radiomics.cooccurrence import cooccurrence
from tumorscope.measurement.radiomics.glrlm import run_lengths
from tumorscope.measurement.radiomics.glszm_gldzm import distance_zones, size_zones
from tumorscope.measurement.radiomics.histogram import discretize, histogram
from tumorscope.measurement.radiomics.intensity_statistics import intensity_statistics
from tumorscope.measurement.radiomics.ngtdm_ngldm import gray_tone_differences, level_dependence
from tumorscope.measurement.radiomics.shape import shape

Aggregation = Literal["2D_avg", "2D_comb", "2_5D_avg", "2_5D_comb", "3D_avg", "3D_comb"]
"""Aggregation of texture: within slices or through them; matrices averaged or merged (IBSI 3.6)."""


@dataclass(frozen=True)
class FeatureSettings:
    """The choices that change texture features and the intensity histogram.

    Attributes:
        bins: gray levels between the region's lowest and highest intensity (IBSI's fixed
            bin number), the method for MRI, whose units are arbitrary.
        bin_size: instead of ``bins``, the width of a gray level in the image's own units
            (IBSI's fixed bin size).
        lowest: where the first level of ``bin_size`` begins; the region's lowest
            intensity where not given.
        texture: one of :data:`Aggregation`. Where not given, all directions of the volume
            or of the slice are merged: ``3D_comb`` or ``2D_comb``.
    """

    bins: int = 32
    bin_size: float | None = None
    lowest: float | None = None
    texture: Aggregation | None = None

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise ValueError(f"{self.bins} bins; at least 2 are needed")
        if self.bin_size is not None and not self.bin_size > 0:
            raise ValueError(f"a bin size of {self.bin_size}; it must be above 0")


def extract_features(
    image: np.ndarray,
    mask: np.ndarray,
    spacing_mm: Sequence[float] | None = None,
    settings: FeatureSettings | None = None,
) -> dict[str, float]:
    """Shape, intensity and texture of a region.

    Names are the tags of IBSI's tables of reference values: ``morph_volume``,
    ``stat_mean``, ``ih_entropy``, and for texture the aggregation behind the tag,
    ``cm_contrast_3D_comb``, ``szm_sze_2D``. The order is always the same.

    Sizes are in mm, mm² and mm³ where the spacing is given, else in pixels as if every
    voxel were a cube of side one; nothing is interpolated.

    A slice has no volume, and IBSI defines shape in three dimensions only. For a slice
    the definitions are carried over to the plane, under names that begin with
    ``shape2d_``: :func:`tumorscope.measurement.radiomics.contour.contour`.

    No value is ever infinite or NaN. Where a definition divides by what is zero for a
    region (one voxel, a flat region, one gray level) the value is 0, except that the
    co-occurrence correlation is then 1 and the coarseness 1,000,000, as IBSI has it.

    Args:
        image: ``(row, column)`` or ``(slice, row, column)``; one slice of the latter
            counts as the former.
        mask: what is not zero is the region; the image's shape.
        spacing_mm: distance of voxel centers along the image's axes. A slice may be
            given with three values, of which the first is then of no use.
        settings: the defaults where not given.

    Raises:
        TumorscopeError: the mask is empty or of another shape, the image is not finite
            within it, the spacing does not fit, or texture through slices is asked of
            a single slice.

    Source: Zwanenburg et al. 2020, The Image Biomarker Standardization Initiative,
    Radiology 295:328; reference manual arXiv:1612.07003.

    >>> square = np.pad(np.ones((3, 3)), 2)
    >>> features = extract_features(square, square)
    >>> features["shape2d_area_pixels"], features["stat_mean"], features["cm_energy_2D_comb"]
    (9.0, 1.0, 1.0)
    """
    settings = settings or FeatureSettings()
    image, mask = np.asarray(image), np.asarray(mask) != 0
    if image.shape != mask.shape or image.ndim not in {2, 3}:
        raise TumorscopeError(f"the image is {image.shape}, the mask {mask.shape}; give two or three equal axes")
    if not mask.any():
        raise TumorscopeError("the mask is empty; there is nothing to measure")
    flat = image.ndim == 2 or image.shape[0] == 1
    spacing = _spacing(spacing_mm, image.ndim, flat)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    size = (1, *image[box].shape)[-3:]
    values, region = image[box].astype(float).reshape(size), mask[box].reshape(size)
    inside = values[region]
    if not np.isfinite(inside).all():
        raise TumorscopeError("the image is not finite within the mask; repair it first")
    levels = discretize(values, region, settings.bins, settings.bin_size, settings.lowest)
    aggregation = settings.texture or ("2D_comb" if flat else "3D_comb")
    if flat and aggregation.startswith("3D"):
        raise TumorscopeError(f"texture {aggregation} of a single slice; choose 2D_comb or 2D_avg")
    return {
        **(contour(values[0], region[0], spacing[1:]) if flat else shape(values, region, spacing)),
        **({} if flat else autocorrelation(values, region, spacing)),
        **intensity_statistics(inside),
        **histogram(levels[region]),
        **cooccurrence(levels, aggregation),
        **run_lengths(levels, aggregation),
        **size_zones(levels, aggregation),
        **distance_zones(levels, aggregation),
        **gray_tone_differences(levels, aggregation),
        **level_dependence(levels, aggregation),
    }


def _spacing(spacing_mm: Sequence[float] | None, axes: int, flat: bool) -> tuple[float, float, float]:
    if spacing_mm is None:
        return 1.0, 1.0, 1.0
    spacing = tuple(float(step) for step in spacing_mm)
    if len(spacing) not in ({2, 3} if flat else {axes}) or not all(np.isfinite(spacing)) or min(spacing) <= 0:
        raise TumorscopeError(f"a spacing of {spacing}; give one length above 0 for each of {axes} axes")
    slice_, row, column = (1.0, *spacing)[-3:]
    return slice_, row, column
