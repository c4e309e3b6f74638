"""Dice and HD95 of a few masks whose truth is known, by Tumorscope and by other libraries, where they are installed.

    pip install monai medpy panoptica surface-distance torchmetrics

prints the tables of docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from rich.console import Console
from rich.table import Table

from tumorscope.evaluation.metrics import dice, hd95

Masks = tuple[np.ndarray, np.ndarray]


def ball(radius: int, center: tuple[int, int, int], shape: tuple[int, int, int] = (64, 64, 96)) -> np.ndarray:
    squares = ((axis - at) ** 2 for axis, at in zip(np.ogrid[tuple(map(slice, shape))], center, strict=True))
    return sum(squares) <= radius**2


def satellite(radius: int) -> Masks:
    """A ball of 10 mm, and the same with a false lesion 40 mm away."""
    truth = ball(10, (32, 32, 24))
    return truth, truth | ball(radius, (32, 32, 64))


def oblong() -> Masks:
    """Two squares 40 pixels apart in a slice of 20 by 60."""
    truth, predicted = np.zeros((2, 20, 60), bool)
    truth[5:10, 5:10] = predicted[5:10, 45:50] = True
    return truth, predicted


def three_cases(false_alarm: int = 0) -> list[Masks]:
    """Truths of 10, 100 and 0 voxels; half of the first, all of the second and so many of the third are predicted."""
    truth, predicted = np.zeros((2, 3, 200), bool)
    truth[0, :10] = truth[1, :100] = predicted[0, :5] = predicted[1, :100] = True
    predicted[2, :false_alarm] = True
    return list(zip(truth, predicted, strict=True))


def of_monai(truth: np.ndarray, predicted: np.ndarray) -> float:
    import torch
    from monai.metrics import compute_hausdorff_distance

    masks = (torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (predicted, truth))
    return float(compute_hausdorff_distance(*masks, include_background=True, percentile=95))


def of_medpy(truth: np.ndarray, predicted: np.ndarray) -> float:
    from medpy.metric.binary import hd95 as distance

    return float(distance(predicted, truth))


def of_panoptica(truth: np.ndarray, predicted: np.ndarray) -> float:
    from panoptica.metrics import Metric

    return float(Metric.HD95(truth.astype(np.uint8), predicted.astype(np.uint8), 1, 1))


def of_surface_distance(truth: np.ndarray, predicted: np.ndarray) -> float:
    import surface_distance

    distances = surface_distance.compute_surface_distances(truth, predicted, (1.0,) * truth.ndim)
    return float(surface_distance.compute_robust_hausdorff(distances, 95))


DISTANCES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "monai": of_monai,
    "medpy": of_medpy,
    "panoptica": of_panoptica,
    "surface-distance": of_surface_distance,
}


def main() -> None:
    console = Console()
    table = Table("HD95", "3 mm at 40 mm", "4 mm at 40 mm", "oblong slice", box=None)
    examples = [satellite(3), satellite(4), oblong()]
    table.add_row(
        "tumorscope", *(f"{hd95(*masks, (1.0,) * 3):.1f}" for masks in examples[:2]), f"{_flat(oblong()):.1f}"
    )
    for name, distance in DISTANCES.items():
        try:
            table.add_row(f"{name} {version(name)}", *(f"{distance(*masks):.1f}" for masks in examples))
        except PackageNotFoundError:
            console.print(f"{name}: not installed", style="dim")
    console.print(table)
    for false_alarm in (0, 3):
        values = [dice(*masks) for masks in three_cases(false_alarm)]
        counted = [value for value in values if value is not None]
        console.print(f"Dice with {false_alarm} voxels of false alarm: {values}, mean {np.mean(counted):.3f}")


def _flat(masks: Masks) -> float:
    truth, predicted = masks
    value = hd95(truth[None], predicted[None])
    assert value is not None
    return value


if __name__ == "__main__":
    main()
