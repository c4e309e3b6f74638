"""Families of images from the clinic that are neither CT nor a brain MRI, drawn from simple shapes.

Proportions and brightness follow textbooks roughly; they are meant to be mistaken for the
real thing by a simple score, not by a radiologist.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from tumorscope.datasets.negatives.canvas import Canvas, in_gray_levels
from tumorscope.datasets.negatives.torso import draw_body, draw_torso


def mri_body(random: np.random.Generator) -> np.ndarray:
    """An axial MRI slice of abdomen or chest."""
    fat, muscle = ((1.0, 0.4), (0.3, 0.35), (0.9, 0.25))[random.integers(3)]
    canvas = draw_body(random, 0, fat, muscle)
    draw_torso(canvas, random, chest=random.random() < 0.35, lung=0.04, bone=0.3, fat=fat, organ=(0.3, 0.9), blood=0.9)
    return canvas.as_mri()


@dataclass(frozen=True, eq=False)
class _Knee:
    """Brightness of the tissues of a knee.

    Attributes:
        grain: texture of the marrow, ``(row, column)``.
    """

    marrow: float
    muscle: float
    cortex: float
    fluid: float
    fat: float
    grain: np.ndarray

    @property
    def shell_and_marrow(self) -> tuple[tuple[float, float | np.ndarray], ...]:
        """By how much a bone grows, and its gray: first the cortex, then the marrow inside."""
        return (0.03, self.cortex), (0.0, self.marrow * self.grain)


def mri_knee(random: np.random.Generator) -> np.ndarray:
    """An MRI slice of a knee, sagittal, coronal or axial, with bright or dark marrow."""
    canvas = Canvas(random, warp=0.06)
    marrow, muscle, cortex, fluid = ((1.0, 0.35, 0.06, 0.3), (0.25, 0.4, 0.05, 1.0), (0.6, 0.3, 0.05, 0.9))[
        random.integers(3)
    ]
    fat = marrow * random.uniform(0.8, 1.1)
    grain = canvas.texture(0.02, random.uniform(0.02, 0.1))
    draw = (_sagittal_knee, _coronal_knee, _axial_knee)[random.integers(3)]
    draw(canvas, random, _Knee(marrow, muscle, cortex, fluid, fat, grain))
    return canvas.as_mri()


def mri_spine(random: np.random.Generator) -> np.ndarray:
    """A sagittal MRI slice of the neck or the lower back."""
    canvas = Canvas(random, warp=0.04)
    marrow, disc, water, fat, muscle = ((0.6, 0.35, 0.15, 1.0, 0.4), (0.45, 0.6, 1.0, 0.8, 0.25))[random.integers(2)]
    left, right = -random.uniform(0.7, 1.3), random.uniform(0.6, 1.2)
    canvas.paint(canvas.box(((left + right) / 2, 0), ((right - left) / 2, 1.5)), muscle * canvas.texture(0.04, 0.2))
    canvas.paint(canvas.box((right - 0.12, 0), (0.12, 1.5)), fat)
    tilt, count = random.uniform(-0.25, 0.25), random.integers(5, 9)
    height = 2.2 / count
    for level in range(count + 1):
        y = -1.1 + level * height
        x = tilt * np.cos(y * 1.5) - 0.1
        canvas.paint(
            canvas.box((x, y), (0.2, 0.36 * height), random.normal(0, 0.08)), marrow * canvas.texture(0.02, 0.05)
        )
        canvas.paint(canvas.ellipse((x, y + height / 2), (0.2, 0.1 * height)), disc * random.uniform(0.4, 1.1))
        canvas.paint(canvas.ellipse((x + 0.55, y), (0.16, 0.2 * height), 0.4), marrow)
    canal = [(tilt * np.cos(y * 1.5) + 0.2, y, 0.09) for y in np.linspace(-1.3, 1.3, 12)]
    canvas.paint(canvas.tube(canal), water)
    canvas.paint(canvas.tube([(x, y, 0.045) for x, y, _ in canal]), 0.5)
    return canvas.as_mri()


def chest_xray(random: np.random.Generator) -> np.ndarray:
    """A chest radiograph: dark lungs, ribs, heart and spine."""
    canvas = Canvas(random, warp=0.05)
    canvas.paint(canvas.ellipse((0, 0.3), (random.uniform(0.95, 1.3), 1.5)), random.uniform(0.5, 0.7))
    canvas.paint(canvas.tube([(0, -1.4, 0.25), (0, -0.6, 0.25)]), 0.7)
    for side in (-1, 1):
        lung = canvas.ellipse((side * 0.45, -0.05), (0.36, random.uniform(0.6, 0.75)), side * 0.1, edge=0.06)
        canvas.paint(lung, random.uniform(0.12, 0.25))
        for rib in range(8):
            y = -0.6 + 0.17 * rib
            path = [
                (side * (0.1 + 0.75 * t), y + 0.25 * t * t - 0.1 * np.sin(3 * t), 0.022) for t in np.linspace(0, 1, 6)
            ]
            canvas.gray += 0.1 * canvas.tube(path)
        canvas.gray += 0.12 * canvas.tube([(side * 0.05, -0.65, 0.03), (side * 0.8, -0.85, 0.03)])
    canvas.paint(canvas.ellipse((0.13, 0.3), (0.33, 0.33), edge=0.06), 0.75)
    canvas.paint(canvas.ellipse((-0.4, 0.85), (0.55, 0.4), edge=0.06), 0.85)
    canvas.paint(canvas.ellipse((0.5, 0.9), (0.45, 0.35), edge=0.06), 0.75)
    canvas.gray += 0.12 * canvas.tube([(0, -1.2, 0.1), (0, 1.2, 0.12)], edge=0.05)
    canvas.gray *= canvas.texture(0.01, 0.04)
    gray = canvas.as_xray()
    return 255 - gray if random.random() < 0.1 else gray


def limb_xray(random: np.random.Generator) -> np.ndarray:
    """A radiograph of a hand, a foot or a long bone."""
    canvas = Canvas(random, warp=0.04)
    hand = random.random() < 0.5
    rays = (
        [
            [
                (0.05 * k, 0.9, 0.05),
                (0.14 * k, 0.3, 0.045),
                (0.22 * k, -0.15, 0.04),
                (0.27 * k, -0.5, 0.03),
                (0.3 * k, -0.75, 0.025),
            ]
            for k in (-2, -1, 0, 1, 2)
        ]
        if hand
        else [[(k, -1.3, 0.12), (k * 0.9, 0.0, 0.1), (k, 0.3, 0.17)] for k in (0.0, 0.3)[: random.integers(1, 3)]]
    )
    for ray in rays:
        canvas.paint(canvas.tube([(x, y, r * 2.2 + 0.03) for x, y, r in ray], edge=0.05), random.uniform(0.25, 0.4))
    for ray in rays:
        for (x0, y0, r0), (x1, y1, r1) in pairwise(ray):
            ends = [
                (x0 + 0.04 * (x1 - x0), y0 + 0.04 * (y1 - y0), r0),
                ((x0 + x1) / 2, (y0 + y1) / 2, 0.7 * r0),
                (x1 - 0.04 * (x1 - x0), y1 - 0.04 * (y1 - y0), r1),
            ]
            canvas.paint(canvas.tube(ends), 0.95)
            canvas.paint(canvas.tube([(x, y, 0.5 * r) for x, y, r in ends], edge=0.02), 0.65)
    if not hand:
        canvas.paint(canvas.tube([(-0.15, 0.6, 0.2), (0.15, 0.6, 0.2)], edge=0.03), 0.8)
        canvas.paint(canvas.tube([(0, 0.7, 0.16), (0, 1.3, 0.12)], edge=0.03), 0.85)
    return canvas.as_xray()


def ultrasound(random: np.random.Generator) -> np.ndarray:
    """A fan of speckle with dark cysts and bright walls."""
    canvas = Canvas(random, warp=0.02)
    dx, dy = canvas.x, canvas.y + random.uniform(1.0, 1.4)
    radius, turn = np.hypot(dx, dy), np.arctan2(dx, dy)
    fan = (
        (np.abs(turn) < random.uniform(0.4, 0.7))
        & (radius > random.uniform(0.15, 0.5))
        & (radius < random.uniform(1.8, 2.1))
    )
    canvas.gray += 0.4
    for _ in range(random.integers(2, 8)):
        center, half = tuple(random.uniform(-0.6, 0.6, 2)), tuple(random.uniform(0.08, 0.4, 2))
        canvas.paint(canvas.ellipse(center, half, random.uniform(0, 3), edge=0.04), random.uniform(0, 0.9))
    speckle = np.hypot(*(ndimage.gaussian_filter(random.standard_normal(dx.shape), (0.6, 1.6)) for _ in range(2)))
    gray = canvas.gray * speckle * np.exp(-random.uniform(0, 0.8) * radius)
    return in_gray_levels(np.log1p(random.uniform(5, 40) * gray) * fan)


def _sagittal_knee(canvas: Canvas, random: np.random.Generator, knee: _Knee) -> None:
    wide = random.uniform(0.65, 0.95)
    canvas.paint(canvas.tube([(0, -1.5, wide), (0, 0, wide * 0.85), (0.05, 1.5, wide * 0.8)]), knee.fat)
    canvas.paint(
        canvas.tube([(0.05, -1.5, wide - 0.12), (0.05, 0, 0.6), (0.12, 1.5, wide * 0.6)]),
        knee.muscle * canvas.texture(0.05, 0.2),
    )
    canvas.paint(canvas.ellipse((-0.45, 0.2), (0.15, 0.3)), knee.fat)  # Hoffa's fat pad
    for grow, gray in knee.shell_and_marrow:
        femur = np.maximum(
            canvas.tube([(-0.05, -1.5, 0.22 + grow), (-0.05, -0.5, 0.24 + grow)]),
            canvas.ellipse((0.02, -0.25), (0.42 + grow, 0.33 + grow)),
        )
        canvas.paint(femur, gray)
        tibia = np.maximum(
            canvas.ellipse((0.05, 0.38), (0.42 + grow, 0.2 + grow)),
            canvas.tube([(0.02, 0.5, 0.3 + grow), (-0.02, 1.5, 0.22 + grow)]),
        )
        canvas.paint(tibia, gray)
        canvas.paint(canvas.ellipse((-0.62, -0.35), (0.11 + grow, 0.22 + grow)), gray)
    canvas.paint(canvas.tube([(-0.35, 0.13, 0.02), (0.4, 0.12, 0.025)]), knee.fluid)
    canvas.paint(canvas.tube([(-0.66, -1.2, 0.04), (-0.68, -0.55, 0.04)]), knee.cortex)
    canvas.paint(canvas.tube([(-0.62, -0.13, 0.035), (-0.38, 0.55, 0.035)]), knee.cortex)
    if random.random() < 0.5:
        canvas.paint(canvas.tube([(0.2, -0.05, 0.03), (-0.1, 0.22, 0.03)]), knee.cortex)


def _coronal_knee(canvas: Canvas, random: np.random.Generator, knee: _Knee) -> None:
    wide = random.uniform(0.65, 0.9)
    canvas.paint(canvas.tube([(0, -1.5, wide), (0, 1.5, wide * 0.85)]), knee.fat)
    canvas.paint(canvas.tube([(0, -1.5, wide - 0.1), (0, 1.5, wide * 0.7)]), knee.muscle * canvas.texture(0.05, 0.2))
    for grow, gray in knee.shell_and_marrow:
        femur = canvas.tube([(0, -1.5, 0.22 + grow), (0, -0.6, 0.3 + grow)])
        for side in (-1, 1):
            femur = np.maximum(femur, canvas.ellipse((side * 0.3, -0.28), (0.28 + grow, 0.32 + grow)))
        canvas.paint(femur, gray)
        canvas.paint(
            np.maximum(
                canvas.box((0, 0.3), (0.55 + grow, 0.16 + grow)),
                canvas.tube([(0, 0.5, 0.34 + grow), (0, 1.5, 0.2 + grow)]),
            ),
            gray,
        )
        canvas.paint(canvas.tube([(0.6, 0.5, 0.09 + grow), (0.55, 1.5, 0.07 + grow)]), gray)
    canvas.paint(canvas.tube([(-0.5, 0.1, 0.02), (-0.1, 0.1, 0.02)]), knee.fluid)
    canvas.paint(canvas.tube([(0.1, 0.1, 0.02), (0.5, 0.1, 0.02)]), knee.fluid)


def _axial_knee(canvas: Canvas, random: np.random.Generator, knee: _Knee) -> None:
    canvas.paint(canvas.ellipse((0, 0), (random.uniform(0.7, 0.9), random.uniform(0.65, 0.9))), knee.fat)
    canvas.paint(canvas.ellipse((0, 0.08), (0.62, 0.6)), knee.muscle)
    for side in (-1, 1):
        _oval_bone(canvas, knee, (side * 0.27, 0.12), (0.27, 0.33))
    if random.random() < 0.8:
        _oval_bone(canvas, knee, (0, -0.45), (0.3, 0.12))
        canvas.paint(canvas.tube([(-0.3, -0.28, 0.02), (0, -0.24, 0.02), (0.3, -0.28, 0.02)]), knee.fluid)
    for _ in range(4):
        vessel = canvas.ellipse((random.uniform(-0.5, 0.5), random.uniform(0.5, 0.65)), (0.05, 0.05))
        canvas.paint(vessel, random.uniform(0, 1))


def _oval_bone(canvas: Canvas, knee: _Knee, center: tuple[float, float], half: tuple[float, float]) -> None:
    for grow, gray in knee.shell_and_marrow:
        canvas.paint(canvas.ellipse(center, (half[0] + grow, half[1] + grow)), gray)
