"""A slice through a chest or an abdomen, for CT and MRI alike."""

from __future__ import annotations

import numpy as np

from tumorscope.datasets.negatives.canvas import Canvas


def draw_body(random: np.random.Generator, air: float, fat: float, muscle: float) -> Canvas:
    canvas = Canvas(random, warp=0.05, background=air)
    width, height = random.uniform(0.85, 1.0), random.uniform(0.55, 0.75)
    rind = random.uniform(0.03, 0.15)
    canvas.paint(canvas.ellipse((0, 0), (width, height)), fat)
    canvas.paint(canvas.ellipse((0, 0), (width - rind, height - rind)), muscle)
    return canvas


def draw_torso(
    canvas: Canvas,
    random: np.random.Generator,
    *,
    chest: bool,
    lung: float,
    bone: float,
    fat: float,
    organ: tuple[float, float],
    blood: float,
) -> None:
    for angle in np.linspace(0.3, 2 * np.pi - 0.3, 14):  # ribs
        canvas.paint(canvas.ellipse((0.75 * np.sin(angle), 0.48 * np.cos(angle)), (0.05, 0.025), angle), bone)
    if chest:
        for side in (-1, 1):
            canvas.paint(canvas.ellipse((side * 0.4, -0.02), (0.3, 0.42)), lung)
        canvas.paint(canvas.ellipse((0.1, -0.12), (0.28, 0.24)), organ[0])
        canvas.paint(canvas.ellipse((0.12, -0.14), (0.14, 0.12)), blood)
    else:
        canvas.paint(canvas.ellipse((0, -0.05), (0.68, 0.4)), fat)
        canvas.paint(canvas.ellipse((-0.35, -0.1), (0.34, random.uniform(0.25, 0.36))), random.uniform(*organ))
        canvas.paint(canvas.ellipse((0.5, 0.0), (0.14, 0.2)), random.uniform(*organ))
        for side in (-1, 1):
            canvas.paint(canvas.ellipse((side * 0.33, 0.22), (0.1, 0.13)), random.uniform(*organ))
        for _ in range(random.integers(4, 12)):
            place = (random.uniform(-0.2, 0.5), random.uniform(-0.35, 0.1))
            canvas.paint(canvas.ellipse(place, tuple(random.uniform(0.03, 0.1, 2))), random.uniform(*organ))
    canvas.paint(canvas.ellipse((0.06, 0.16), (0.06, 0.06)), blood)
    canvas.paint(canvas.ellipse((0, 0.33), (0.14, 0.11)), bone)
    canvas.paint(canvas.ellipse((0, 0.48), (0.05, 0.09)), bone)
