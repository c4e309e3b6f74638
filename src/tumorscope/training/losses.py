"""What training makes small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

_SMOOTH, _SLICE_SMOOTH = 1.0, 10.0


def dice_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice of the whole batch (Milletari et al. 2016) plus binary cross-entropy.

    Dice is taken over the batch rather than slice by slice, and cross-entropy over every
    pixel, so that slices without tumor teach the network to stay silent.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, share of tumor in each pixel.
    """
    return dice(logits, truth) + functional.binary_cross_entropy_with_logits(logits, truth)


def slice_dice_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice slice by slice, over the slices that show a tumor, plus binary cross-entropy.

    A small tumor counts as much as a large one, which Dice over the batch lets go.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, share of tumor in each pixel.
    """
    probability = logits.sigmoid()
    overlap, sizes = (probability * truth).sum(dim=(1, 2)), truth.sum(dim=(1, 2))
    dice = (2 * overlap + _SLICE_SMOOTH) / (probability.sum(dim=(1, 2)) + sizes + _SLICE_SMOOTH)
    shown = (sizes > 0).float()
    missed = ((1 - dice) * shown).sum() / shown.sum().clamp(min=1)
    return missed + functional.binary_cross_entropy_with_logits(logits, truth)


def dice(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice of the whole batch alone, as the notebooks have it."""
    probability = logits.sigmoid()
    return 1 - (2 * (probability * truth).sum() + _SMOOTH) / (probability.sum() + truth.sum() + _SMOOTH)


def focal_tversky(logits: Tensor, truth: Tensor, alpha: float = 0.7, gamma: float = 0.75) -> Tensor:
    """Focal Tversky loss (Abraham and Khan 2019), with the notebooks' parameters.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, share of tumor in each pixel.
        alpha: weight of missed tumor; false alarms weigh ``1 - alpha``.
        gamma: below one, batches that are nearly right still count.
    """
    probability = logits.sigmoid()
    hit = (probability * truth).sum()
    missed = ((1 - probability) * truth).sum()
    false = (probability * (1 - truth)).sum()
    tversky = (hit + _SMOOTH) / (hit + alpha * missed + (1 - alpha) * false + _SMOOTH)
    return (1 - tversky) ** gamma


MASK_LOSSES = {
    "dice": dice,
    "dice_ce": dice_cross_entropy,
    "slice_dice_ce": slice_dice_cross_entropy,
    "focal_tversky": focal_tversky,
}
