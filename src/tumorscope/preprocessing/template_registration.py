"""Affine registration of the average brain with a scan, so that places in the scan can be named.

Another person's brain has another size and shape: after position and size (seven parameters), all twelve parameters
of an affine transform are optimized by mutual information. What is excluded, such as a tumor, has no part in it
(Brett et al., NeuroImage 2001;14:486). A result that may be wrong is refused.

Rigid registration of one patient's series is in :mod:`tumorscope.preprocessing.registration`; the images at several
resolutions are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.preprocessing.head_models import HeadModel, has_skull, stripped_model, whole_head_model
from tumorscope.preprocessing.rigid_search import FEWEST_VOXELS, Candidate, Level, Pyramid, image_of, one_thread_each
from tumorscope.preprocessing.template import INSTALL_HINT, load_template

_COARSE_MM, _MIDDLE_MM = 8.0, 4.0

_TURNS_DEG = ((0, 0, 0), (-20, 0, 0), (20, 0, 0), (0, -12, 0), (0, 12, 0), (0, 0, -12), (0, 0, 12))
"""Starts: the head nods, tilts or turns. An optimization reaches about 15° from its start."""

_SHIFTS_MM = tuple(product((0,), (-12, 0, 12), (-25, 0, 25)))
_STARTS, _AFFINE_STARTS = 3, 2

_BRAIN_CENTER_MM, _BRAIN_HEIGHT_MM = (0.0, -18.0, 5.0), 150.0
"""Of the average brain, in MNI space."""

_BINS = 32
_MOST_ITERATIONS = 80

_LEAST_GAIN = 0.15
"""In nats, over the same brain displaced by some 17 mm and 20°. Noise and phantoms of something else stay below."""

_SCALES = (0.65, 1.3)
"""How much smaller or larger than the average brain one may be along any direction."""

_MOST_TURNED_DEG = 45.0
_LEAST_SHOWN = 0.5
"""So much of the brain's box must be within the scan."""

_ELSEWHERE_MM, _RIVAL = 20.0, 0.97
"""Two starts that ended so far from each other with as much likeness leave it open which is right."""


@dataclass(frozen=True, eq=False)
class TemplateRegistration:
    """Where the average brain is in a scan.

    Attributes:
        to_template: 4×4, RAS+ mm of the scan to RAS+ mm of MNI space, where ``x = 0`` is the midline.
        skull: whether the scan shows the skull.
        gain: by how much the scan is more alike to the average head there than displaced, in nats.
    """

    to_template: np.ndarray
    skull: bool
    gain: float

    def template_mm(self, scan_mm: np.ndarray) -> np.ndarray:
        """Points of the scan ``(…, 3)`` in MNI space."""
        return scan_mm @ self.to_template[:3, :3].T + self.to_template[:3, 3]

    def midline(self) -> tuple[np.ndarray, float]:
        """The plane between the hemispheres in the scan: unit normal to the right, and its distance from the origin, mm."""
        length = float(np.linalg.norm(self.to_template[0, :3]))
        return self.to_template[0, :3] / length, -float(self.to_template[0, 3]) / length


def register_template(
    volume: np.ndarray, affine: np.ndarray, excluded: np.ndarray | None = None
) -> TemplateRegistration:
    """Find the average brain in a scan of a head, with skull or without, of any sequence.

    The same volume gives the same result to the last bit. About 3 s of one core.

    Args:
        volume: ``(slice, row, column)``.
        affine: ``(column, row, slice, 1)`` to RAS+ mm.
        excluded: what has no part in it, boolean, of the volume's shape; None for nothing.

    Raises:
        UnreadableScan: the extra ``location`` is not installed, the volume has too few slices, or the result is
            doubtful.
    """
    try:
        import SimpleITK as sitk  # noqa: N813 - the name its documentation uses
    except ImportError as error:
        raise UnreadableScan(f"SimpleITK is not installed; {INSTALL_HINT}") from error
    if min(volume.shape) < FEWEST_VOXELS:
        raise UnreadableScan(f"{min(volume.shape)} slices are too few; {FEWEST_VOXELS} are needed")
    skull = has_skull(volume, affine)
    model = whole_head_model() if skull else stripped_model()
    search = _Search(sitk, model, Pyramid.of(sitk, volume, affine), _allowed(sitk, excluded, affine))
    found = search.run()
    gain = found[0].similarity - search.chance(found[0])
    doubt = _doubt(found, gain, volume.shape, affine)
    if doubt:
        raise UnreadableScan(doubt)
    return TemplateRegistration(np.linalg.inv(found[0].matrix), skull, gain)


@dataclass(frozen=True, eq=False)
class _Search:
    """The best affine transform from the model to a scan."""

    sitk: Any
    model: HeadModel
    scan: Pyramid
    allowed: Any

    def run(self) -> list[Candidate]:
        """The best transform at the last level, then where the starts ended at the coarse one, the best first."""
        coarse, middle = (self.model.level(self.sitk, size) for size in (_COARSE_MM, _MIDDLE_MM))
        starts = list(self._starts())
        with one_thread_each(self.sitk), ThreadPoolExecutor(2) as threads:
            screened = _sorted(threads.map(lambda start: self._evaluated(coarse, self.scan.coarse, start), starts))
            sized = _sorted(threads.map(lambda one: self._sized(coarse, one), screened[:_STARTS]))
            formed = _sorted(threads.map(lambda one: self._formed(coarse, one), sized[:_AFFINE_STARTS]))
            best = self.sitk.AffineTransform(formed[0].transform)
            return [self._optimized(middle, self.scan.middle, best, 1.0, 0.03), *formed]

    def chance(self, found: Candidate) -> float:
        """The likeness of the model displaced and turned about the place that was found, the median."""
        from scipy.spatial.transform import Rotation

        level = self.model.level(self.sitk, _MIDDLE_MM)
        values = []
        with one_thread_each(self.sitk):
            for signs in product((-1, 1), repeat=3):
                turn = Rotation.from_euler("xyz", np.multiply(signs, 12), degrees=True).as_matrix()
                displaced = np.eye(4)
                displaced[:3, :3], displaced[:3, 3] = turn, np.multiply(np.roll(signs, 1), 10)
                matrix = found.matrix @ displaced
                transform = self.sitk.AffineTransform(3)
                transform.SetMatrix(matrix[:3, :3].ravel().tolist())
                transform.SetTranslation(matrix[:3, 3].tolist())
                values.append(self._evaluated(level, self.scan.middle, transform).similarity)
        return float(np.median(values))

    def _starts(self) -> Iterable[Any]:
        """The brain in the middle of the head, or below its top where the neck is shown, of average size."""
        from scipy.spatial.transform import Rotation

        low, high = np.percentile(self.scan.points[:, :3], (1, 99), axis=0)
        middle = (low + high) / 2
        middle[2] = max(middle[2], high[2] - _BRAIN_HEIGHT_MM / 2)
        for turn, shift in product(_TURNS_DEG, _SHIFTS_MM):
            transform = self.sitk.Similarity3DTransform()
            transform.SetCenter(_BRAIN_CENTER_MM)
            transform.SetMatrix(Rotation.from_euler("xyz", turn, degrees=True).as_matrix().ravel().tolist(), 1e-6)
            transform.SetTranslation((middle - _BRAIN_CENTER_MM + shift).tolist())
            yield transform

    def _sized(self, level: tuple[Any, Any], start: Candidate) -> Candidate:
        return self._optimized(level, self.scan.coarse, self.sitk.Similarity3DTransform(start.transform), 4.0, 0.05)

    def _formed(self, level: tuple[Any, Any], start: Candidate) -> Candidate:
        affine = self.sitk.AffineTransform(3)
        affine.SetCenter(start.transform.GetCenter())
        affine.SetMatrix(start.transform.GetMatrix())
        affine.SetTranslation(start.transform.GetTranslation())
        return self._optimized(level, self.scan.coarse, affine, 2.0, 0.05)

    def _optimized(
        self, level: tuple[Any, Any], scan: Level, transform: Any, first_mm: float, last_mm: float
    ) -> Candidate:
        method = self._method(level)
        method.SetOptimizerAsRegularStepGradientDescent(first_mm, last_mm, _MOST_ITERATIONS, 0.8, 1e-8)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(transform, inPlace=True)
        try:
            method.Execute(level[0], scan.image)
        except RuntimeError:  # ITK's error where no sample overlaps
            return Candidate(transform, -np.inf)
        return Candidate(transform, -method.GetMetricValue())

    def _evaluated(self, level: tuple[Any, Any], scan: Level, transform: Any) -> Candidate:
        method = self._method(level)
        method.SetInitialTransform(transform)
        try:
            return Candidate(transform, -method.MetricEvaluate(level[0], scan.image))
        except RuntimeError:
            return Candidate(transform, -np.inf)

    def _method(self, level: tuple[Any, Any]) -> Any:
        method = self.sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=_BINS)
        method.SetInterpolator(self.sitk.sitkLinear)
        method.SetMetricFixedMask(level[1])
        if self.allowed is not None:
            method.SetMetricMovingMask(self.allowed)
        return method


def _doubt(found: list[Candidate], gain: float, shape: tuple[int, ...], affine: np.ndarray) -> str | None:
    """Why a result may be wrong, or None."""
    best, coarse, *others = found
    if not gain >= _LEAST_GAIN:
        return "the scan is hardly alike to an average brain"
    matrix = best.matrix
    left, scales, right = np.linalg.svd(matrix[:3, :3])
    turned = np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1)))
    if scales.min() < _SCALES[0] or scales.max() > _SCALES[1]:
        return "the brain would be much smaller or larger than others"
    if turned > _MOST_TURNED_DEG:
        return f"the head would be turned by {turned:.0f}°"
    points = _brain_points()
    index = points @ (np.linalg.inv(affine) @ matrix).T
    shown = ((index[:, :3] >= -0.5) & (index[:, :3] <= np.array(shape[::-1]) - 0.5)).all(axis=1).mean()
    if shown < _LEAST_SHOWN:
        return f"only {shown:.0%} of the brain is within the scan"
    for other in others:
        apart = np.linalg.norm((points @ (coarse.matrix - other.matrix).T)[:, :3], axis=1).max()
        if apart > _ELSEWHERE_MM and other.similarity > _RIVAL * coarse.similarity:
            return "several positions fit almost equally well"
    return None


def _brain_points() -> np.ndarray:
    """Points of the average brain, ``(n, 4)`` in MNI space."""
    template = load_template()
    voxels = np.argwhere(template.brain[::4, ::4, ::4] > 0.5)[:, ::-1] * 4
    return np.c_[voxels, np.ones(len(voxels))] @ template.affine.T


def _sorted(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: -one.similarity)


def _allowed(sitk: Any, excluded: np.ndarray | None, affine: np.ndarray) -> Any:
    """SimpleITK's mask of what takes part; None for everything."""
    if excluded is None or not excluded.any():
        return None
    return image_of(sitk, (~excluded).astype(np.uint8), affine)
