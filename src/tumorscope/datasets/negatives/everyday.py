"""Families of images taken with a camera, a telescope or a microscope, and things like them."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage

from tumorscope.datasets.negatives.canvas import Canvas, in_gray_levels, smooth_field


def photograph(random: np.random.Generator) -> np.ndarray:
    """A part of a photograph."""
    names = (
        "astronaut",
        "camera",
        "chelsea",
        "coffee",
        "rocket",
        "clock",
        "motorcycle_left",
        "motorcycle_right",
        "coins",
    )
    return cut(random, bundled(str(random.choice(names))))


def cut_out(random: np.random.Generator) -> np.ndarray:
    """A part of a photograph or texture as a round object before black."""
    names = ("astronaut", "camera", "chelsea", "coffee", "rocket", "gravel", "grass", "brick", "moon", "coins")
    image = cut(random, bundled(str(random.choice(names)))).astype(np.float32) + random.uniform(0, 60)
    rows, columns = np.ogrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
    radii = random.uniform(0.5, 0.95, 2)
    bent = 0.08 * smooth_field(random, image.shape, 0.3)
    return in_gray_levels(image * ((rows / radii[0]) ** 2 + (columns / radii[1]) ** 2 + bent < 1))


def thing(random: np.random.Generator) -> np.ndarray:
    """A rounded thing before black with a rind, a grain and parts inside: fruit, stones, cells, cuts of meat."""
    canvas = Canvas(random, warp=random.uniform(0.02, 0.12), background=random.choice((0, 0, 0.1)))
    turn, radii = random.uniform(0, 3), random.uniform(0.4, 0.95, 2)
    whole = canvas.ellipse((0, 0), tuple(radii), turn)
    canvas.paint(whole, random.uniform(0.2, 1))
    rind = random.choice((0, random.uniform(0.02, 0.25)))
    inside = canvas.ellipse((0, 0), tuple(radii - rind), turn)
    canvas.paint(inside, random.uniform(0.1, 1) * canvas.texture(random.uniform(0.004, 0.3), random.uniform(0, 0.3)))
    for _ in range(random.integers(0, 14)):
        center, gray, edge = tuple(random.uniform(-0.6, 0.6, 2)), random.uniform(0, 1), random.choice((0, 0.05, 0.15))
        if random.random() < 0.7:
            part = canvas.ellipse(center, tuple(random.uniform(0.03, 0.4, 2)), random.uniform(0, 3), edge)
        else:
            end = random.uniform(-0.7, 0.7, 2)
            part = canvas.tube([(*center, random.uniform(0.01, 0.15)), (*end, random.uniform(0.01, 0.15))], edge)
        canvas.paint(part * inside, gray * canvas.texture(0.02, random.choice((0, 0.1))))
    return canvas.as_mri() if random.random() < 0.5 else canvas.as_xray(0.1)


def face(random: np.random.Generator) -> np.ndarray:
    """A small portrait, enlarged."""
    from skimage import data

    faces = data.lfw_subset()[:100]
    image = faces[random.integers(len(faces))]
    return in_gray_levels(np.asarray(ndimage.zoom(image, random.uniform(4, 10), order=3)))


def night_sky(random: np.random.Generator) -> np.ndarray:
    """Stars, galaxies or the moon before black."""
    if random.random() < 0.6:
        return cut(random, bundled(str(random.choice(("hubble_deep_field", "moon")))))
    sky = np.zeros(random.integers(160, 400, 2), np.float32)
    sky[tuple(random.integers(0, sky.shape, (random.integers(20, 400), 2)).T)] = random.exponential(1)
    sky = np.asarray(ndimage.gaussian_filter(sky, random.uniform(0.6, 2)))
    rows, columns = np.mgrid[: sky.shape[0], : sky.shape[1]]
    if random.random() < 0.6:  # a planet, lit from one side
        radius = random.uniform(0.2, 0.45) * min(sky.shape)
        dy, dx = (rows - sky.shape[0] / 2) / radius, (columns - sky.shape[1] / 2) / radius
        light = np.clip(np.sqrt(np.clip(1 - dx**2 - dy**2, 0, 1)) + random.uniform(-1, 1) * dx, 0, None)
        sky = sky / max(sky.max(), 1e-6) * 0.5 * (dx**2 + dy**2 > 1) + light * (
            1 + random.uniform(0, 0.3) * smooth_field(random, sky.shape, random.uniform(0.02, 0.1))
        )
    return in_gray_levels(sky + random.uniform(0, 0.03) * random.standard_normal(sky.shape))


def microscopy(random: np.random.Generator) -> np.ndarray:
    """Stained tissue or cells under a microscope."""
    if random.random() < 0.6:
        return cut(random, bundled(str(random.choice(("immunohistochemistry", "cell")))))
    canvas = Canvas(random, warp=0.03, background=random.uniform(0, 1))
    canvas.gray += 0.1 * smooth_field(random, canvas.gray.shape, 0.05)
    for _ in range(random.integers(20, 120)):
        radius = random.uniform(0.02, 0.09)
        cell = canvas.ellipse(
            tuple(random.uniform(-1.1, 1.1, 2)), (radius, radius * random.uniform(0.6, 1)), random.uniform(0, 3)
        )
        canvas.paint(cell, random.uniform(0, 1))
    return canvas.as_xray()


def fundus(random: np.random.Generator) -> np.ndarray:
    """The back of an eye: a lit disc with vessels before black."""
    if random.random() < 0.5:
        retina = bundled("retina")
        return cut(random, retina, 0.9) if random.random() < 0.7 else cut(random, bundled("microaneurysms"))
    canvas = Canvas(random, warp=0.02)
    size = random.uniform(0.8, 0.95)
    eye = canvas.ellipse((0, 0), (size, size))
    canvas.paint(eye, 0.5 * canvas.texture(0.3, 0.15))
    disc = (random.uniform(-0.4, 0.4), random.uniform(-0.1, 0.1))
    for _ in range(random.integers(6, 14)):
        path, heading, x, y, radius = [], random.uniform(0, 2 * np.pi), *disc, random.uniform(0.012, 0.03)
        for _ in range(8):
            path.append((x, y, radius))
            heading += random.normal(0, 0.35)
            x, y, radius = x + 0.14 * np.cos(heading), y + 0.14 * np.sin(heading), radius * 0.85
        canvas.paint(canvas.tube(path) * eye, 0.25)
    canvas.paint(canvas.ellipse(disc, (0.13, 0.14), edge=0.05), 0.95)
    return canvas.as_xray()


def cut(random: np.random.Generator, image: np.ndarray, least: float = 0.3) -> np.ndarray:
    """A random part, perhaps mirrored or darkened."""
    rows, columns = (int(side * random.uniform(least, 1)) for side in image.shape)
    top, left = (
        int(random.integers(whole - part + 1)) for whole, part in zip(image.shape, (rows, columns), strict=True)
    )
    part = image[top : top + rows, left : left + columns]
    if random.random() < 0.5:
        part = part[:, ::-1]
    gamma = random.uniform(0.7, 1.5)
    return in_gray_levels((part / 255.0) ** gamma)


@cache
def bundled(name: str) -> np.ndarray:
    """An image that comes with scikit-image, gray, uint8, at most about 700 pixels wide."""
    from skimage import data
    from skimage.color import rgb2gray

    motorcycle = name.startswith("motorcycle")
    image = np.asarray(data.stereo_motorcycle()[name.endswith("right")] if motorcycle else getattr(data, name)())
    if image.ndim == 3:
        image = rgb2gray(image[..., :3])
    if image.dtype == bool:
        image = image * 1.0
    gray = np.asarray(image, float)
    gray = gray / 255 if gray.max() > 1 else gray
    step = max(1, max(gray.shape) // 700)
    return np.round(gray[::step, ::step] * 255).astype(np.uint8)
