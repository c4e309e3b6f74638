"""What the drawn images are drawn with: soft shapes on a slightly bent plane."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import ndimage


class Canvas:
    """A gray image that shapes are laid on, one over the other.

    Places run from -1 to 1 over the shorter side, x to the right and y downwards. The
    plane is bent a little by a smooth random field, so that no two contours are alike.

    Attributes:
        gray: float32 ``(row, column)``, what has been drawn.
        x, y: the bent coordinates of each pixel.
    """

    def __init__(self, random: np.random.Generator, *, warp: float = 0.05, background: float = 0.0) -> None:
        rows, columns = (int(side) for side in random.integers(160, 400) * random.uniform(0.85, 1.15, 2))
        self._random = random
        self._pixel = 2 / min(rows, columns)
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        self.x = (x - columns / 2) * self._pixel + warp * smooth_field(random, (rows, columns), 0.35)
        self.y = (y - rows / 2) * self._pixel + warp * smooth_field(random, (rows, columns), 0.35)
        self.gray = np.full((rows, columns), background, np.float32)

    def ellipse(
        self, center: tuple[float, float], radii: tuple[float, float], turn: float = 0.0, edge: float = 0.0
    ) -> np.ndarray:
        """The share of each pixel inside an ellipse; ``turn`` in radians."""
        dx, dy = self.x - center[0], self.y - center[1]
        u = (dx * np.cos(turn) + dy * np.sin(turn)) / radii[0]
        v = (dy * np.cos(turn) - dx * np.sin(turn)) / radii[1]
        level = np.sqrt(u * u + v * v)
        return self._share((level - 1) * min(radii), edge)

    def tube(self, path: Sequence[tuple[float, float, float]], edge: float = 0.0) -> np.ndarray:
        """The share of each pixel inside a tube along ``(x, y, radius)``."""
        nearest = np.full(self.x.shape, np.inf, np.float32)
        for (x0, y0, r0), (x1, y1, r1) in pairwise(path):
            along = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-6)
            share = np.clip(((self.x - x0) * (x1 - x0) + (self.y - y0) * (y1 - y0)) / along, 0, 1)
            away = np.hypot(self.x - x0 - share * (x1 - x0), self.y - y0 - share * (y1 - y0))
            np.minimum(nearest, away - r0 - share * (r1 - r0), out=nearest)
        return self._share(nearest, edge)

    def box(self, center: tuple[float, float], half: tuple[float, float], turn: float = 0.0) -> np.ndarray:
        """The share of each pixel inside a rectangle with slightly rounded edges."""
        dx, dy = self.x - center[0], self.y - center[1]
        u = np.abs(dx * np.cos(turn) + dy * np.sin(turn)) - half[0]
        v = np.abs(dy * np.cos(turn) - dx * np.sin(turn)) - half[1]
        return self._share(np.maximum(u, v), 0.0)

    def paint(self, share: np.ndarray, gray: float | np.ndarray) -> None:
        """Lay a shape over what is there."""
        self.gray += share * (gray - self.gray)

    def texture(self, size: float, strength: float) -> np.ndarray:
        """A smooth random field around one; ``size`` as a share of the image."""
        return 1 + strength * smooth_field(self._random, self.gray.shape, size)

    def as_mri(self) -> np.ndarray:
        """Coil shading, Rician noise, some blur and a camera's gray levels."""
        random = self._random
        gray = self.gray * np.exp(random.uniform(0.05, 0.35) * smooth_field(random, self.gray.shape, 0.5))
        deviation = random.uniform(0.005, 0.05) * float(gray.max())
        noise = random.standard_normal((2, *gray.shape)).astype(np.float32) * deviation
        gray = ndimage.gaussian_filter(np.hypot(gray + noise[0], noise[1]), random.uniform(0.3, 1.2))
        return in_gray_levels(gray)

    def as_xray(self, noise: float = 0.03) -> np.ndarray:
        """Quantum noise, some blur and a camera's gray levels."""
        random = self._random
        gray = self.gray + random.uniform(0.2, 1) * noise * random.standard_normal(self.gray.shape)
        return in_gray_levels(ndimage.gaussian_filter(gray, random.uniform(0.3, 1.0)))

    def _share(self, distance: np.ndarray, edge: float) -> np.ndarray:
        return np.clip(0.5 - distance / max(edge, 1.5 * self._pixel), 0, 1).astype(np.float32)


def smooth_field(random: np.random.Generator, shape: tuple[int, ...], size: float) -> np.ndarray:
    """Noise of mean 0 and deviation 1, smooth over ``size`` of the shorter side; float32."""
    # Smooth noise is drawn coarse and enlarged: wide Gaussians on large images are slow.
    width = max(size * min(shape), 0.5)
    step = max(1, int(width / 3))
    coarse = random.standard_normal([length // step + 4 for length in shape])
    coarse = np.asarray(ndimage.gaussian_filter(coarse, width / step / 2))
    large = np.asarray(ndimage.zoom(coarse, step, order=1)) if step > 1 else coarse
    large = large[: shape[0], : shape[1]]
    return ((large - large.mean()) / max(float(large.std()), 1e-6)).astype(np.float32)


def in_gray_levels(gray: np.ndarray) -> np.ndarray:
    """uint8, from the least to (nearly) the greatest."""
    low, high = float(gray.min()), float(np.percentile(gray, 99.9))
    return np.round(np.clip((gray - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
