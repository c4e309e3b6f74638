"""Families of CT: heads and bodies, in the windows in which they are shown."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tumorscope.datasets.negatives.canvas import Canvas, in_gray_levels, smooth_field
from tumorscope.datasets.negatives.torso import draw_body, draw_torso

_HOUNSFIELD = np.array([-1000, 30, -100, 50, 900, 300, 45, 8, 38, 30, 37, 10, 45, 40], np.float32)
"""For each of the phantom's tissues, in the order of :class:`tumorscope.datasets.phantom.Tissue`."""

_HEAD_WINDOWS = ((80, 40), (80, 40), (100, 40), (200, 60), (400, 100), (2000, 500))
"""Widths and centers in Hounsfield units: brain (most often), subdural, soft tissue, bone."""


def ct_head(random: np.random.Generator) -> np.ndarray:
    """A CT slice of the head: bright skull, flat brain, perhaps a head rest; or Shepp and Logan's phantom."""
    kind = random.random()
    if kind < 0.15:
        return _shepp_logan(random)
    hounsfield = _hounsfield_of_phantom(random) if kind < 0.55 else _hounsfield_of_ellipses(random)
    hounsfield = np.asarray(ndimage.gaussian_filter(hounsfield, random.uniform(0.4, 1.2)))
    hounsfield = hounsfield + random.uniform(1, 8) * smooth_field(random, hounsfield.shape, 0.003)
    width, center = _HEAD_WINDOWS[random.integers(len(_HEAD_WINDOWS))]
    return np.round(np.clip((hounsfield - center) / width + 0.5, 0, 1) * 255).astype(np.uint8)


def ct_body(random: np.random.Generator) -> np.ndarray:
    """A CT slice of chest or abdomen with the table under it."""
    canvas = draw_body(random, -1000, -100, 50)
    draw_torso(canvas, random, chest=random.random() < 0.5, lung=-850, bone=500, fat=-100, organ=(30, 120), blood=140)
    if random.random() < 0.7:
        _table(canvas, random, 0.85, -300)
    hounsfield = canvas.gray + random.uniform(3, 20) * random.standard_normal(canvas.gray.shape)
    width, center = ((400, 40), (350, 50), (1500, -500), (2000, 300))[random.integers(4)]
    return np.round(np.clip((hounsfield - center) / width + 0.5, 0, 1) * 255).astype(np.uint8)


def _shepp_logan(random: np.random.Generator) -> np.ndarray:
    from skimage.data import shepp_logan_phantom

    drawn = ndimage.rotate(shepp_logan_phantom(), random.uniform(-15, 15), reshape=False, order=1)
    drawn = np.clip(np.asarray(ndimage.zoom(drawn, random.uniform(0.4, 1), order=1)), 0, 1) ** random.uniform(0.5, 1.2)
    return in_gray_levels(drawn + random.uniform(0, 0.03) * random.standard_normal(drawn.shape))


def _hounsfield_of_phantom(random: np.random.Generator) -> np.ndarray:
    """A slice of the project's drawn head in Hounsfield units."""
    from tumorscope.datasets.phantom import make_phantom

    labels = make_phantom(seed=int(random.integers(10_000)), shape=(4, 192, 192), sequences=("t1",)).labels
    labels = labels[random.integers(1, 4)]
    if random.random() < 0.3:
        labels = labels[:, ::-1]
    canvas = np.pad(_HOUNSFIELD[labels], int(random.integers(0, 30)), constant_values=-1000)
    if random.random() < 0.6:  # the head rest
        rows, columns = np.ogrid[-1 : 1 : canvas.shape[0] * 1j, -1 : 1 : canvas.shape[1] * 1j]
        away = np.abs(np.hypot(rows + 0.1, columns) - random.uniform(0.97, 1.05))
        canvas = np.where((away < 0.015) & (rows > 0.5) & (canvas < -500), -100, canvas)
    return canvas


def _hounsfield_of_ellipses(random: np.random.Generator) -> np.ndarray:
    """A head of ellipses in Hounsfield units: scalp, thick skull, brain, ventricles."""
    canvas = Canvas(random, warp=0.03, background=-1000)
    width, height = random.uniform(0.6, 0.75), random.uniform(0.75, 0.9)
    skin, bone = random.uniform(0.02, 0.06), random.uniform(0.025, 0.11)

    def ring(inset: float) -> np.ndarray:
        return canvas.ellipse((0, 0), (width - inset, height - inset))

    canvas.paint(ring(0), random.uniform(-80, 40))
    canvas.paint(ring(skin), random.uniform(700, 1300))
    if random.random() < 0.5:
        canvas.paint(ring(skin + 0.35 * bone), 400)
        canvas.paint(ring(skin + 0.6 * bone), 1000)
    canvas.paint(ring(skin + bone), 10)
    gray_matter = 34 + 3 * smooth_field(random, canvas.gray.shape, 0.03)
    if random.random() < 0.6:  # sulci
        folds = smooth_field(random, canvas.gray.shape, random.uniform(0.02, 0.05))
        gray_matter = gray_matter - random.uniform(8, 25) * (np.abs(folds) < random.uniform(0.05, 0.25))
    if random.random() < 0.4:  # contrast agent
        gray_matter = gray_matter + random.uniform(0, 15)
    canvas.paint(ring(skin + bone + 0.02), gray_matter)
    for _ in range(random.integers(0, 25) if random.random() < 0.4 else 0):  # vessels and chalk
        radii = random.uniform(0.008, 0.03, 2)
        canvas.paint(
            canvas.ellipse(tuple(random.uniform(-0.5, 0.5, 2)), tuple(radii)) * ring(skin + bone),
            random.uniform(70, 300),
        )
    kind = random.random()
    if kind < 0.75:
        horn = random.uniform(0.03, 0.1)
        for side in (-1, 1):
            canvas.paint(
                canvas.tube([(side * 0.05, -0.25, horn), (side * 0.06, 0.1, 0.7 * horn), (side * 0.2, 0.3, horn)]), 6
            )
        canvas.paint(canvas.tube([(0, -height, 0.008), (0, height, 0.008)]) * ring(skin + bone), 45)
    else:  # the base, with sinuses full of air and petrous bone
        for side in (-1, 1):
            canvas.paint(canvas.tube([(side * 0.15, 0.1, 0.06), (side * 0.5, 0.25, 0.1)]), 900)
            canvas.paint(canvas.ellipse((side * 0.28, -0.6), (0.13, 0.14)), 5)
        canvas.paint(canvas.box((0, -0.5), (0.1, 0.25)), -900)
    if random.random() < 0.25:
        canvas.paint(
            canvas.ellipse(tuple(random.uniform(-0.3, 0.3, 2)), tuple(random.uniform(0.05, 0.2, 2))),
            random.uniform(50, 75),
        )
    if random.random() < 0.6:
        _table(canvas, random, height + 0.04, -200)
    return canvas.gray


def _table(canvas: Canvas, random: np.random.Generator, top: float, hounsfield: float) -> None:
    curve = [(x, top + 0.08 - random.uniform(0.05, 0.12) * x * x, 0.012) for x in np.linspace(-0.8, 0.8, 9)]
    canvas.paint(canvas.tube(curve), hounsfield)
