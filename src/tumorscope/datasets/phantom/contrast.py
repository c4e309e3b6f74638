"""Tissue contrast: signals in each sequence, coil shading and noise."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from tumorscope.datasets.phantom.fields import Field, Points


class Tissue(IntEnum):
    """The values of a phantom's label map."""

    AIR = 0
    SKIN = 1
    FAT = 2
    MUSCLE = 3
    BONE = 4
    MARROW = 5
    DURA = 6
    CSF = 7
    GRAY_MATTER = 8
    WHITE_MATTER = 9
    DEEP_GRAY_MATTER = 10
    VITREOUS = 11
    VESSEL = 12
    CHOROID_PLEXUS = 13


# Signals relative to white matter. Fat on T1c is drawn separately below: some scans suppress it.
_SIGNALS: dict[str, dict[Tissue, float]] = {
    "t1": {
        Tissue.AIR: 0.02, Tissue.SKIN: 0.9, Tissue.FAT: 2.15, Tissue.MUSCLE: 0.78, Tissue.BONE: 0.14, Tissue.MARROW: 1.25,
        Tissue.DURA: 0.5, Tissue.CSF: 0.36, Tissue.GRAY_MATTER: 0.83, Tissue.WHITE_MATTER: 1.0,
        Tissue.DEEP_GRAY_MATTER: 0.89, Tissue.VITREOUS: 0.36, Tissue.VESSEL: 0.4, Tissue.CHOROID_PLEXUS: 0.7,
    },
    "flair": {
        Tissue.AIR: 0.02, Tissue.SKIN: 0.9, Tissue.FAT: 2.0, Tissue.MUSCLE: 0.62, Tissue.BONE: 0.14, Tissue.MARROW: 1.0,
        Tissue.DURA: 0.5, Tissue.CSF: 0.24, Tissue.GRAY_MATTER: 1.17, Tissue.WHITE_MATTER: 1.0,
        Tissue.DEEP_GRAY_MATTER: 1.1, Tissue.VITREOUS: 0.24, Tissue.VESSEL: 0.3, Tissue.CHOROID_PLEXUS: 0.8,
    },
    "t1c": {
        Tissue.AIR: 0.02, Tissue.SKIN: 1.1, Tissue.FAT: 2.1, Tissue.MUSCLE: 0.95, Tissue.BONE: 0.15, Tissue.MARROW: 1.2,
        Tissue.DURA: 1.25, Tissue.CSF: 0.34, Tissue.GRAY_MATTER: 0.86, Tissue.WHITE_MATTER: 1.0,
        Tissue.DEEP_GRAY_MATTER: 0.92, Tissue.VITREOUS: 0.36, Tissue.VESSEL: 2.5, Tissue.CHOROID_PLEXUS: 2.1,
    },
    "t2": {
        Tissue.AIR: 0.02, Tissue.SKIN: 0.9, Tissue.FAT: 1.9, Tissue.MUSCLE: 0.55, Tissue.BONE: 0.14, Tissue.MARROW: 1.2,
        Tissue.DURA: 0.5, Tissue.CSF: 3.0, Tissue.GRAY_MATTER: 1.35, Tissue.WHITE_MATTER: 1.0,
        Tissue.DEEP_GRAY_MATTER: 1.15, Tissue.VITREOUS: 3.0, Tissue.VESSEL: 0.3, Tissue.CHOROID_PLEXUS: 1.9,
    },
}  # fmt: skip

_SUPPRESSED_FAT = 0.75
_GRAY = (Tissue.GRAY_MATTER, Tissue.DEEP_GRAY_MATTER)


def draw_signals(random: np.random.Generator, sequences: tuple[str, ...]) -> np.ndarray:
    """Tissue signals of one head.

    Returns:
        float32 ``(sequence, tissue)``, white matter near one.
    """
    table = np.empty((len(sequences), len(Tissue)), np.float32)
    suppressed = random.random() < 0.3
    fat_gain = random.uniform(0.85, 1.15)
    contrast = random.uniform(0.75, 1.15)  # between gray and white matter, the same in all sequences
    jitter = 1 + 0.05 * random.standard_normal((4, len(Tissue)))
    for row, sequence in enumerate(sequences):
        order = list(_SIGNALS).index(sequence)
        for tissue, signal in _SIGNALS[sequence].items():
            table[row, tissue] = signal * jitter[order, tissue]
        for tissue in _GRAY:
            table[row, tissue] = 1 + (_SIGNALS[sequence][tissue] - 1) * contrast
        table[row, Tissue.WHITE_MATTER] = 1
        table[row, Tissue.FAT] *= fat_gain
        if sequence == "t1c" and suppressed:
            table[row, [Tissue.FAT, Tissue.MARROW]] = _SUPPRESSED_FAT, 0.5
    return table


def draw_shading(random: np.random.Generator, points: Points, strength: float) -> np.ndarray:
    """The coil's gain at each point, around one, float32 ``(n,)``: smooth, and higher near the scalp."""
    field = Field.draw(random, 160.0, band=0.3).at(points)
    rim = (points.x / 85) ** 2 + (points.y / 100) ** 2 + (points.z / 130) ** 2
    lift = random.uniform(0.2, 0.8)
    return np.exp(np.float32(strength) * (0.4 * field + np.float32(lift) * (rim - 0.5)))


def add_rician_noise(image: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """The magnitude of a signal with complex Gaussian noise (Gudbjartsson & Patz 1995).

    Args:
        image: float32, not negative.
        deviation: of the noise in each of the two parts, in the image's units.
    """
    if deviation == 0:
        return image
    real = random.standard_normal(image.shape, np.float32)
    real *= np.float32(deviation)
    real += image
    imaginary = random.standard_normal(image.shape, np.float32)
    imaginary *= np.float32(deviation)
    return np.hypot(real, imaginary)
