"""The search behind :mod:`tumorscope.preprocessing.registration`: where the similarity of two volumes is largest.

Mutual information after Mattes et al. (2003) needs no equal brightness, only that one series is
informative about the other. It has many local optima, and one start finds the nearest: so a grid of
rotations is evaluated on coarse images first, and the best of them are optimized one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tumorscope.preprocessing.head import head_mask

FEWEST_VOXELS = 4
"""Along each axis; cubic splines and three rotations need as many."""

LEAST_OVERLAP = 0.6
"""Of the smaller head; less overlap is not a result."""

_COARSE_MM, _MIDDLE_MM, THIN_SLICE_MM = 8.0, 4.0, 2.0
"""Voxels are averaged in blocks up to about these sizes; the last level keeps anything thicker."""

_STEP_DEG, _REACH_DEG = 20.0, 65.0
"""Spacing and radius of the grid of rotations; an optimization reaches about 20° from its start."""

_COARSE_STARTS, _MIDDLE_STARTS = 6, 3
_MIDDLE_SAMPLES, _FINE_SAMPLES = 30_000, 60_000
"""Random points at which the similarity is computed; off the grid, so that it favors no whole voxel."""

_SEED = 1
_THREADS = 2
"""Starts are independent of each other; each runs on one thread."""

_MOST_ITERATIONS = 150
_BINS = 32


def image_of(sitk: Any, voxels: np.ndarray, affine: np.ndarray) -> Any:
    """SimpleITK's image of an array ``(slice, row, column)``, in RAS+ rather than its usual LPS+."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image


@dataclass(frozen=True, eq=False)
class Level:
    """A volume at one resolution.

    Attributes:
        image: SimpleITK's, in RAS+ rather than its usual LPS+.
        sampled: the share of its voxels at which the similarity is computed.
    """

    image: Any
    sampled: float

    @property
    def affine(self) -> np.ndarray:
        """``(column, row, slice, 1)`` to mm."""
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(self.image.GetDirection(), (3, 3)) * self.image.GetSpacing()
        affine[:3, 3] = self.image.GetOrigin()
        return affine


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A volume at three resolutions.

    Attributes:
        coarse, middle, fine: the volume between about 0 and 1, in voxels of its own orientation.
        head: boolean ``(slice, row, column)`` of the coarse level.
        points: the head's voxels, ``(n, 4)``, mm.
    """

    coarse: Level
    middle: Level
    fine: Level
    head: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, sitk: Any, volume: np.ndarray, affine: np.ndarray) -> Pyramid:
        low, high = np.percentile(volume[:: max(1, len(volume) // 60), ::2, ::2], (0.5, 99.5))
        scaled = np.clip((volume.astype(np.float32) - low) / max(high - low, 1e-6), 0, 1)
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        image = image_of(sitk, scaled, affine)

        def level(size_mm: float, samples: float) -> Level:
            most = np.array(image.GetSize()) // FEWEST_VOXELS
            blocks = np.clip(np.rint(size_mm / spacing).astype(int), 1, most)
            averaged = sitk.BinShrink(image, blocks.tolist())
            return Level(averaged, min(1.0, samples / averaged.GetNumberOfPixels()))

        coarse = level(_COARSE_MM, np.inf)
        head = head_mask(sitk.GetArrayViewFromImage(coarse.image)[..., None])
        voxels = np.argwhere(head)[:, ::-1]
        points = np.c_[voxels, np.ones(len(voxels))] @ coarse.affine.T
        return cls(coarse, level(_MIDDLE_MM, _MIDDLE_SAMPLES), level(THIN_SLICE_MM, _FINE_SAMPLES), head, points)

    @property
    def center(self) -> np.ndarray:
        """The head's, mm ``(3,)``."""
        return self.points[:, :3].mean(axis=0)

    @property
    def head_volume_mm3(self) -> float:
        return len(self.points) * float(abs(np.linalg.det(self.coarse.affine[:3, :3])))

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Which of the points, ``(n, 4)`` in mm, are in the head."""
        voxels = np.rint(points @ np.linalg.inv(self.coarse.affine).T)[:, 2::-1].astype(int)
        places = np.flatnonzero(((voxels >= 0) & (voxels < self.head.shape)).all(axis=1))
        inside = np.zeros(len(points), bool)
        inside[places] = self.head[tuple(voxels[places].T)]
        return inside


@dataclass(frozen=True, eq=False)
class Candidate:
    """A transform of SimpleITK's and the similarity it reaches, in nats."""

    transform: Any
    similarity: float

    @property
    def matrix(self) -> np.ndarray:
        """4×4, points of the fixed volume to points of the moving one."""
        turn, center = np.reshape(self.transform.GetMatrix(), (3, 3)), np.array(self.transform.GetCenter())
        matrix = np.eye(4)
        matrix[:3, :3] = turn
        matrix[:3, 3] = center + np.array(self.transform.GetTranslation()) - turn @ center
        return matrix


@dataclass(frozen=True)
class _Steps:
    """How the optimizer walks: its first and last step, and what a step shrinks by where it turns."""

    first_mm: float
    last_mm: float
    relaxation: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a search found.

    Attributes:
        best: at full resolution.
        coarse: where each start led at the coarse level, the best first.
        chance: similarity at the coarse level of heads that are rotated at random, the median.
        stated: similarity at full resolution before registration, where the headers place both.
    """

    best: Candidate
    coarse: tuple[Candidate, ...]
    chance: float
    stated: float


@dataclass(frozen=True, eq=False)
class Search:
    """Mutual information between two volumes, and where it is largest."""

    sitk: Any
    fixed: Pyramid
    moving: Pyramid

    def run(self) -> Outcome:
        """Every start on the coarse level, the best few of them on the next, the best one on the last."""
        turned = [self._start(rotation) for rotation in _rotations()]
        with one_thread_each(self.sitk), ThreadPoolExecutor(_THREADS) as threads:
            screened = self._sorted(threads.map(self._screened, turned))
            starts = [self._stated(), *(start.transform for start in screened[: _COARSE_STARTS - 1])]
            coarse = self._sorted(threads.map(self._coarse, starts))
            middle = self._sorted(threads.map(self._middle, [one.transform for one in coarse[:_MIDDLE_STARTS]]))
            best = self._fine(middle[0].transform)
            stated = self._similarity_as_stated()
        chance = float(np.median([start.similarity for start in screened]))
        return Outcome(best, tuple(coarse), chance, stated)

    def overlap(self, matrix: np.ndarray) -> float:
        """The heads' common volume as a share of the smaller one."""
        inside = float(self.moving.contains(self.fixed.points @ matrix.T).mean())
        return inside * self.fixed.head_volume_mm3 / min(self.fixed.head_volume_mm3, self.moving.head_volume_mm3)

    def _sorted(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The most similar first; last those that hardly overlap, whose few common voxels are alike by chance."""
        return sorted(candidates, key=lambda one: (self.overlap(one.matrix) < LEAST_OVERLAP, -one.similarity))

    def _stated(self) -> Any:
        """The heads as the two headers place them."""
        transform = self.sitk.Euler3DTransform()
        transform.SetCenter(self.fixed.center.tolist())
        return transform

    def _start(self, rotation: np.ndarray) -> Any:
        """The heads' centers on each other, the moving one rotated."""
        transform = self._stated()
        transform.SetMatrix(rotation.ravel().tolist(), 1e-6)
        transform.SetTranslation((self.moving.center - self.fixed.center).tolist())
        return transform

    def _screened(self, start: Any) -> Candidate:
        method = self._method(1.0)
        method.SetInitialTransform(start)
        return Candidate(start, _evaluated(method, self.fixed.coarse, self.moving.coarse))

    def _coarse(self, start: Any) -> Candidate:
        return self._optimized(self.fixed.coarse, self.moving.coarse, start, _Steps(4.0, 0.05, 0.9))

    def _middle(self, start: Any) -> Candidate:
        return self._optimized(self.fixed.middle, self.moving.middle, start, _Steps(1.5, 0.02, 0.85))

    def _fine(self, start: Any) -> Candidate:
        spline = self.sitk.sitkBSpline3
        return self._optimized(self.fixed.fine, self.moving.fine, start, _Steps(0.5, 0.002, 0.85), spline)

    def _similarity_as_stated(self) -> float:
        method = self._method(self.fixed.fine.sampled)
        method.SetInterpolator(self.sitk.sitkBSpline3)
        method.SetInitialTransform(self._stated())
        return _evaluated(method, self.fixed.fine, self.moving.fine)

    def _optimized(
        self, fixed: Level, moving: Level, start: Any, steps: _Steps, interpolator: int | None = None
    ) -> Candidate:
        method = self._method(fixed.sampled)
        if interpolator is not None:
            method.SetInterpolator(interpolator)
        method.SetOptimizerAsRegularStepGradientDescent(
            learningRate=steps.first_mm,
            minStep=steps.last_mm,
            numberOfIterations=_MOST_ITERATIONS,
            relaxationFactor=steps.relaxation,
            gradientMagnitudeTolerance=1e-8,
        )
        method.SetOptimizerScalesFromPhysicalShift()
        transform = self.sitk.Euler3DTransform(start)
        method.SetInitialTransform(transform, inPlace=True)
        try:
            method.Execute(fixed.image, moving.image)
        except RuntimeError:  # ITK's error where no sample overlaps
            return Candidate(start, -np.inf)
        return Candidate(transform, -method.GetMetricValue())

    def _method(self, sampled: float) -> Any:
        method = self.sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=_BINS)
        if sampled < 1:
            method.SetMetricSamplingStrategy(method.RANDOM)
            method.SetMetricSamplingPercentage(sampled, _SEED)
        method.SetInterpolator(self.sitk.sitkLinear)
        return method


@contextmanager
def one_thread_each(sitk: Any) -> Iterator[None]:
    """Several threads of ITK's add up in another order each time, and results would differ in the last bits.

    The method's own setting does not reach the similarity; only the default for the whole process does.
    """
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _evaluated(method: Any, fixed: Level, moving: Level) -> float:
    """The similarity at the initial transform; minus infinity where the two do not overlap."""
    try:
        return -method.MetricEvaluate(fixed.image, moving.image)
    except RuntimeError:
        return -np.inf


def _rotations() -> list[np.ndarray]:
    """Rotations of a ball, the smallest first, as 3×3 matrices."""
    from scipy.spatial.transform import Rotation

    steps = np.arange(-_REACH_DEG // _STEP_DEG + 1, _REACH_DEG // _STEP_DEG + 1) * _STEP_DEG
    vectors = np.array(list(product(steps, repeat=3)))
    lengths = np.linalg.norm(vectors, axis=1)
    order = np.argsort(lengths, kind="stable")[: np.count_nonzero(lengths <= _REACH_DEG)]
    return list(Rotation.from_rotvec(vectors[order], degrees=True).as_matrix())
