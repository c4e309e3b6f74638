"""Where one series lies in another's frame of reference, found from the pictures: rigid, by SimpleITK.

Mutual information after Mattes et al. (2003), from coarse to fine, as in SimpleITK's own
examples: it needs no equal brightness, only that one series tells of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorscope.errors import UnreadableScan
from tumorscope.reading.resampling import resample

_GRID_MM = 2.0
"""Both volumes are compared on cubes of this size; finer ones cost time and gain little."""

_SAMPLED = 0.15
_SEED = 1
_LEAST_OVERLAP = 0.6
"""Of the smaller head, measured after registering; less means that it went astray."""


@dataclass(frozen=True, eq=False)
class Placement:
    """How a volume must be moved to lie on another.

    Attributes:
        transform: 4×4, points of the fixed volume (RAS+ mm) to the same points in the moving one.
        shift_mm: how far the head's middle moves.
        angle_deg: by how much it turns.
    """

    transform: np.ndarray
    shift_mm: float
    angle_deg: float


def register_rigid(
    moving: np.ndarray, moving_affine: np.ndarray, fixed: np.ndarray, fixed_affine: np.ndarray, name: str
) -> Placement:
    """Find the rigid movement that lays one head onto the other.

    Args:
        moving, fixed: ``(slice, row, column)``.
        moving_affine, fixed_affine: ``(column, row, slice, 1)`` to millimetres in RAS+.
        name: the moving volume, for errors.

    Raises:
        UnreadableScan: SimpleITK is not installed, or the heads cannot be laid onto each other.
    """
    try:
        import SimpleITK as sitk  # noqa: N813 - the name its documentation uses
    except ImportError as error:
        raise UnreadableScan(
            f"{name}: registering needs SimpleITK; install it with `pip install 'tumorscope[register]'`"
        ) from error
    there, there_mask = _on_cubes(sitk, moving, moving_affine)
    here, here_mask = _on_cubes(sitk, fixed, fixed_affine)
    try:
        found = _search(sitk, here, there)
    except RuntimeError as error:  # ITK's way of saying that no sample overlaps
        raise UnreadableScan(f"{name}: cannot be registered, the two heads do not overlap") from error
    moved = sitk.Resample(there_mask, here, found, sitk.sitkNearestNeighbor, 0)
    head, other = sitk.GetArrayViewFromImage(here_mask) > 0, sitk.GetArrayViewFromImage(moved) > 0
    least = min(int(head.sum()), int((sitk.GetArrayViewFromImage(there_mask) > 0).sum()))
    if least == 0 or (head & other).sum() < _LEAST_OVERLAP * least:
        raise UnreadableScan(f"{name}: cannot be registered, the two heads do not fit onto each other")
    turn = np.array(found.GetMatrix()).reshape(3, 3)
    centre = np.array(found.GetCenter())
    transform = np.eye(4)
    transform[:3, :3] = turn
    transform[:3, 3] = centre + np.array(found.GetTranslation()) - turn @ centre
    middle = np.append(np.argwhere(head).mean(axis=0)[::-1] * _GRID_MM + np.array(here.GetOrigin()), 1)
    shift = float(np.linalg.norm((transform @ middle - middle)[:3]))
    angle = float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    return Placement(transform, shift, angle)


def _search(sitk: Any, fixed: Any, moving: Any) -> Any:
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # several add up in another order each time, and results would differ
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=40)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(_SAMPLED, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.002, numberOfIterations=100, relaxationFactor=0.6, gradientMagnitudeTolerance=1e-6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([4, 2, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    transform = sitk.Euler3DTransform(start)
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)
    return transform


def _on_cubes(sitk: Any, volume: np.ndarray, affine: np.ndarray) -> tuple[Any, Any]:
    """The volume on cubes along the patient's axes, scaled to about one, and a mask of its head."""
    high = float(np.percentile(volume[:: max(1, len(volume) // 30), ::4, ::4], 99)) or 1.0
    low = float(volume.min())
    corners = np.array([[c, r, s, 1.0] for c in (0, 1) for r in (0, 1) for s in (0, 1)])
    corners[:, :3] *= np.array(volume.shape[::-1]) - 1
    millimetres = (affine @ corners.T)[:3]
    first, last = millimetres.min(axis=1), millimetres.max(axis=1)
    shape = tuple(int(n) for n in np.ceil((last - first) / _GRID_MM)[::-1] + 1)
    grid = np.diag([_GRID_MM, _GRID_MM, _GRID_MM, 1.0])
    grid[:3, 3] = first
    scaled = (volume.astype(np.float32) - low) / max(high - low, 1e-6)
    cubes = resample(scaled, affine, (shape[0], shape[1], shape[2]), grid)
    image = sitk.GetImageFromArray(cubes)
    mask = sitk.GetImageFromArray((cubes > 0.15).astype(np.uint8))
    for made in (image, mask):
        made.SetSpacing((_GRID_MM,) * 3)
        made.SetOrigin(first.tolist())
    return image, mask
