"""Where in the brain lesions are: lobe, hemisphere and distance to the midline, by an atlas registered to the scan."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.core.scan import SIDES_ASSUMED, Scan
from tumorscope.measurement.brain_regions import REGIONS, Region, load_region_map
from tumorscope.measurement.position import find_midline
from tumorscope.preprocessing.template import load_template
from tumorscope.preprocessing.template_registration import TemplateRegistration, register_template

if TYPE_CHECKING:
    from tumorscope.measurement.lesions import Lesion

Hemisphere = Literal["left", "right", "both"]

BORDER_MM = 5.0
"""How far a border of the registered atlas may be from that of a brain: a region that another one replaces where the
atlas is moved so far is not certain."""

_ONE_SIDE = 0.95
"""A lesion with this share of its volume in one hemisphere is in that one; else it is in both."""

_PREFERRED = ("t1", "t1c", "t2", "flair")
"""The average brain is T1-weighted: what resembles it most is registered best."""

_MOST_POINTS = 20_000
_MIDLINES_APART_DEG, _MIDLINES_APART_MM = 12.0, 10.0
"""The head's own symmetry and the atlas must agree on the midline within this."""

Offsets = tuple[tuple[float, float, float], ...]
_MOVES: Offsets = tuple(
    tuple(BORDER_MM * sign * (axis == moved) for axis in range(3))  # type: ignore[misc]
    for moved, sign in product(range(3), (-1, 1))
)


@dataclass(frozen=True)
class RegionShare:
    """A part of a lesion's volume, from 0 to 1, by region and hemisphere (None where sides are not known)."""

    region: Region
    hemisphere: Literal["left", "right"] | None
    share: float


@dataclass(frozen=True)
class LesionLocation:
    """Where a lesion is.

    Attributes:
        region: the one that holds most of its volume, both hemispheres together.
        region_certain: whether it stays the same where the atlas is moved by :data:`BORDER_MM` in any direction.
        hemisphere: which holds 95 % of its volume or more; ``"both"`` where neither does; None where the file does
            not say which side is which.
        shares: by region and hemisphere, the largest first; they add up to 1.
        midline_gap_mm: from the center of its nearest voxel to the atlas's midline; 0 where it crosses the midline.
    """

    region: Region
    region_certain: bool
    hemisphere: Hemisphere | None
    shares: tuple[RegionShare, ...]
    midline_gap_mm: float


@dataclass(frozen=True, eq=False)
class Location:
    """What an atlas says about a scan.

    Attributes:
        lesions: with their location; unchanged where it could not be assessed.
        registration: None where it could not be assessed.
        notes: why not.
    """

    lesions: tuple[Lesion, ...]
    registration: TemplateRegistration | None
    notes: tuple[Note, ...] = ()


def locate(scan: Scan, lesions: Sequence[Lesion], labels: np.ndarray) -> Location:
    """Find the brain in a scan, and the region of each lesion.

    Args:
        scan: of a head.
        lesions: the first is labeled 1, and so on.
        labels: ``(slice, row, column)`` on the scan's grid, 0 outside.
    """
    try:
        registration = register_brain(scan, labels > 0)
        located = tuple(
            dataclasses.replace(lesion, location=_location(scan, labels == number, registration))
            for number, lesion in enumerate(lesions, start=1)
        )
    except TumorscopeError as error:
        return Location(tuple(lesions), None, (Note("location_not_assessed", f"lobes not assessed: {error}"),))
    return Location(located, registration)


def register_brain(scan: Scan, excluded: np.ndarray | None = None) -> TemplateRegistration:
    """Where the average brain is in a scan, by the sequence that resembles it most.

    Args:
        scan: of a head.
        excluded: lesions, boolean ``(slice, row, column)``: they have no part in the registration.

    Raises:
        TumorscopeError: the voxel size is not known, the atlas is not installed, or the result is doubtful.
    """
    geometry = scan.geometry
    if geometry is None:
        raise TumorscopeError("the file does not give the voxel size")
    if scan.kind == "image":
        raise TumorscopeError("a single image does not show where in the brain it is")
    varied = [index for index in range(len(scan.sequences)) if np.ptp(scan.voxels[..., index]) > 0]
    if not varied:
        raise TumorscopeError("the scan shows nothing")
    order = [*_PREFERRED, *(name for name in scan.sequences if name not in _PREFERRED)]
    channel = min(varied, key=lambda index: order.index(scan.sequences[index]))
    planes, affine = geometry.even_planes()
    lesion = None if excluded is None else excluded[planes]
    registration = register_template(scan.voxels[planes, ..., channel], affine, lesion)
    _check_midline(scan, registration)
    return registration


def brain_mask(scan: Scan, registration: TemplateRegistration) -> np.ndarray:
    """The brain, boolean ``(slice, row, column)`` on the scan's grid: the average brain's mask, registered.

    It follows the brain's size and shape, not its gyri; see ``docs/location.md`` for how far it is off.
    """
    assert scan.geometry is not None  # as it has been registered
    template, shape = load_template(), scan.shape
    to_voxel = np.linalg.inv(template.affine)
    rows, columns = np.indices(shape[1:])
    mask = np.zeros(shape, bool)
    for index in range(shape[0]):  # a slice at a time: coordinates need 24 times the memory of a mask
        places = scan.geometry.to_mm(np.stack([np.full(rows.shape, index), rows, columns], axis=-1))
        voxels = registration.template_mm(places) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
        mask[index] = ndimage.map_coordinates(template.brain, np.moveaxis(voxels[..., ::-1], -1, 0), order=1) > 0.5
    return mask


def _location(scan: Scan, mask: np.ndarray, registration: TemplateRegistration) -> LesionLocation:
    """The location of one lesion."""
    assert scan.geometry is not None  # as it has been registered
    voxels = np.argwhere(mask)
    weights = scan.geometry.slice_extents[voxels[:, 0]]
    places = scan.geometry.to_mm(voxels)
    points = registration.template_mm(places)
    right = points[:, 0] >= 0  # an atlas's labels do not tell sides as exactly as its midline does
    regions = load_region_map()
    volumes = np.zeros((2, len(REGIONS)))
    np.add.at(volumes, (right.astype(int), regions.at(points)), weights)
    volumes /= volumes.sum()
    by_region = volumes.sum(axis=0)
    largest = int(by_region.argmax())
    some = slice(None, None, max(1, len(points) // _MOST_POINTS))
    moved = (_largest(regions.at(points[some] + move), weights[some]) for move in _MOVES)
    known = not any(note.code == SIDES_ASSUMED.code for note in scan.notes)
    normal, offset = registration.midline()
    distances = places @ normal - offset
    crosses = distances.min() < 0 < distances.max()
    return LesionLocation(
        region=REGIONS[largest],
        region_certain=all(other == largest for other in moved),
        hemisphere=_hemisphere(volumes[1].sum()) if known else None,
        shares=_shares(volumes if known else by_region[None]),
        midline_gap_mm=0.0 if crosses else round(float(np.abs(distances).min()), 1),
    )


def _largest(regions: np.ndarray, weights: np.ndarray) -> int:
    return int(np.bincount(regions, weights, len(REGIONS)).argmax())


def _hemisphere(right: float) -> Hemisphere:
    if right >= _ONE_SIDE:
        return "right"
    return "left" if 1 - right >= _ONE_SIDE else "both"


def _shares(volumes: np.ndarray) -> tuple[RegionShare, ...]:
    """The shares of left and right, or of both together, that are not zero when rounded."""
    sides: tuple[Literal["left", "right"] | None, ...] = ("left", "right") if len(volumes) == 2 else (None,)
    shares = [
        RegionShare(region, side, round(float(volumes[row, column]), 3))
        for row, side in enumerate(sides)
        for column, region in enumerate(REGIONS)
    ]
    return tuple(sorted((each for each in shares if each.share), key=lambda each: -each.share))


def _check_midline(scan: Scan, registration: TemplateRegistration) -> None:
    """Compare the atlas's midline with the head's own plane of symmetry, which is found without an atlas.

    Raises:
        TumorscopeError: they disagree.
    """
    own = find_midline(scan)
    if own is None:
        return
    normal, offset = registration.midline()
    center = np.linalg.inv(registration.to_template)[:3, 3]
    angle = np.degrees(np.arccos(np.clip(abs(normal @ own.normal), 0, 1)))
    apart = abs((normal @ center - offset) - own.distance_mm(tuple(center)))
    if angle > _MIDLINES_APART_DEG or apart > _MIDLINES_APART_MM:
        raise TumorscopeError("the atlas and the head's own symmetry disagree on the midline")
