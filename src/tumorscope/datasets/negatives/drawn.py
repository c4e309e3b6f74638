"""Families of images that are drawn, written or computed."""

from __future__ import annotations

import io

import numpy as np

from tumorscope.datasets.negatives.canvas import Canvas, in_gray_levels, smooth_field
from tumorscope.datasets.negatives.everyday import bundled, cut

_WORDS = [
    "the",
    "patient",
    "was",
    "seen",
    "on",
    "ward",
    "and",
    "report",
    "of",
    "scan",
    "shows",
    "no",
    "change",
    "since",
    "last",
    "visit",
    "invoice",
    "total",
    "2024",
    "address",
    "figure",
    "table",
    "12",
    "result",
    "mean",
    "Dr",
    "0.05",
    "page",
    "please",
    "return",
    "this",
    "form",
    "to",
]


def texture(random: np.random.Generator) -> np.ndarray:
    """Brick, grass, gravel, or a random field with one grain."""
    if random.random() < 0.5:
        return cut(random, bundled(str(random.choice(("brick", "grass", "gravel")))))
    shape = tuple(random.integers(128, 400, 2))
    field = smooth_field(random, shape, random.uniform(0.005, 0.12))
    if random.random() < 0.5:
        field = np.sin(random.uniform(2, 8) * field + random.uniform(0, 30) * np.linspace(0, 1, shape[1]))
    return in_gray_levels(field)


def noise(random: np.random.Generator) -> np.ndarray:
    """Noise: Gaussian, uniform, salt and pepper, Rician, or with a falling spectrum."""
    shape = tuple(random.integers(64, 400, 2))
    kind = random.integers(5)
    if kind == 0:
        return random.normal(100, random.uniform(5, 30), shape).astype(np.float32)
    if kind == 1:
        return random.integers(0, 256, shape).astype(np.uint8)
    if kind == 2:
        return (random.random(shape) < random.uniform(0.01, 0.5)).astype(np.uint8) * np.uint8(255)
    if kind == 3:
        return np.hypot(*random.normal(0, 20, (2, *shape))).astype(np.float32)
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]) + 1 / max(shape)
    white = np.fft.rfft2(random.standard_normal(shape))
    return in_gray_levels(np.fft.irfft2(white / frequency ** random.uniform(0.5, 2), shape))


def gradient(random: np.random.Generator) -> np.ndarray:
    """Light that rises evenly, from a side or from soft spots."""
    rows, columns = np.mgrid[-1 : 1 : random.integers(64, 400) * 1j, -1 : 1 : random.integers(64, 400) * 1j]
    if random.random() < 0.4:
        turn = random.uniform(0, 2 * np.pi)
        gray = np.cos(turn) * rows + np.sin(turn) * columns
    else:
        gray = np.zeros(rows.shape)
        for _ in range(random.integers(1, 5)):
            y, x, a, b = (*random.uniform(-0.7, 0.7, 2), *random.uniform(0.15, 0.8, 2))
            gray += random.uniform(0.3, 1) * np.exp(-(((rows - y) / a) ** 2) - ((columns - x) / b) ** 2)
    return in_gray_levels(gray + random.uniform(0, 0.02) * random.standard_normal(gray.shape))


def shapes(random: np.random.Generator) -> np.ndarray:
    """Checkerboards, stripes, discs, rings, boxes, silhouettes."""
    kind = random.integers(5)
    if kind == 0:
        cell, shape = random.integers(4, 50), random.integers(100, 400, 2)
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        return (((rows // cell + columns // cell) % 2) * 255).astype(np.uint8)
    if kind == 1:
        rows, columns = np.mgrid[: random.integers(100, 400), : random.integers(100, 400)]
        turn = random.uniform(0, np.pi)
        return in_gray_levels(np.sin((rows * np.cos(turn) + columns * np.sin(turn)) * random.uniform(0.05, 1)))
    if kind == 2:
        return cut(random, bundled(str(random.choice(("horse", "logo", "colorwheel")))), 0.8)
    canvas = Canvas(random, warp=random.choice((0, 0.03)))
    for _ in range(random.integers(1, 9)):
        center, half = tuple(random.uniform(-0.5, 0.5, 2)), tuple(random.uniform(0.1, 0.8, 2))
        shape = (canvas.ellipse if random.random() < 0.6 else canvas.box)(center, half, random.uniform(0, 3))
        if random.random() < 0.3:
            shape = shape - canvas.ellipse(center, (0.8 * half[0], 0.8 * half[1]))
        canvas.paint(np.clip(shape, 0, 1), random.uniform(0, 1))
    return canvas.as_xray(0.01)


def drawing(random: np.random.Generator) -> np.ndarray:
    """Lines drawn by hand, dark on light or light on dark."""
    canvas = Canvas(random, warp=0.03)
    for _ in range(random.integers(2, 25)):
        path, heading, (x, y) = [], random.uniform(0, 2 * np.pi), random.uniform(-0.9, 0.9, 2)
        width, curl, step = random.uniform(0.006, 0.03), random.normal(0, 0.6), random.uniform(0.05, 0.25)
        for _ in range(random.integers(2, 14)):
            path.append((x, y, width))
            heading += curl + random.normal(0, 0.2)
            x, y = x + step * np.cos(heading), y + step * np.sin(heading)
        if len(path) > 1:
            canvas.paint(canvas.tube(path), random.uniform(0.5, 1))
    gray = canvas.as_xray(0.02)
    return 255 - gray if random.random() < 0.6 else gray


def text(random: np.random.Generator) -> np.ndarray:
    """A page, a note or a screen with text."""
    from PIL import Image, ImageDraw, ImageFont

    if random.random() < 0.25:
        return cut(random, bundled(str(random.choice(("page", "text")))), 0.6)
    width, height = (int(side) for side in random.integers(160, 500, 2))
    page = Image.new("L", (width, height), 255)
    pen, size = ImageDraw.Draw(page), int(random.integers(9, 40))
    font, top, left = ImageFont.load_default(size), int(random.integers(0, 30)), int(random.integers(2, 30))
    lines = random.integers(1, 60)
    while top < height - size and lines > 0:
        line = " ".join(random.choice(_WORDS, random.integers(1, 12)))
        pen.text((left, top), line, int(random.integers(0, 120)), font)
        top, lines = top + int(size * random.uniform(1.1, 1.8)), lines - 1
        if random.random() < 0.1:
            pen.rectangle((left, top, int(random.integers(left, width + left)), top + size), outline=0)
    pixels = np.asarray(page)
    return 255 - pixels if random.random() < 0.4 else pixels


def plot(random: np.random.Generator) -> np.ndarray:
    """A scientific plot: lines, bars, dots, a heat map or a pie."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=tuple(random.uniform(2.5, 4.5, 2)), dpi=80, facecolor=random.choice(("white", "black")))
    axes = figure.subplots()
    kind, count = random.integers(5), int(random.integers(5, 60))
    values = np.cumsum(random.normal(0, 1, (3, count)), axis=1)
    if kind == 0:
        axes.plot(values[: random.integers(1, 4)].T)
    elif kind == 1:
        axes.bar(range(count), np.abs(values[0]))
    elif kind == 2:
        axes.scatter(values[0], values[1], s=random.uniform(3, 60))
    elif kind == 3:
        axes.imshow(
            smooth_field(random, (40, 40), random.uniform(0.05, 0.4)),
            cmap=str(random.choice(("gray", "viridis", "hot"))),
        )
    else:
        axes.pie(random.uniform(0.1, 1, random.integers(2, 9)))
    canvas = FigureCanvasAgg(figure)
    pixels = io.BytesIO()
    canvas.print_rgba(pixels)
    width, height = canvas.get_width_height()
    rgba = np.frombuffer(pixels.getvalue(), np.uint8).reshape(height, width, 4)
    return np.round(rgba[..., :3].mean(axis=-1)).astype(np.uint8)


def blank(random: np.random.Generator) -> np.ndarray:
    """Black, white or gray all over, of one pixel or many, perhaps with a little noise."""
    shape = (1, 1) if random.random() < 0.2 else tuple(random.integers(1, 300, 2))
    gray = np.full(shape, (0, 255, random.integers(0, 256))[random.integers(3)], np.float32)
    if random.random() < 0.4:
        gray += random.normal(0, random.uniform(0, 2), shape)
    if random.random() < 0.2:
        gray[random.integers(shape[0]), random.integers(shape[1])] = 255
    return gray
