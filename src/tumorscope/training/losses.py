"""Loss functions of the mask."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SMOOTH, _SLICE_SMOOTH = 1.0, 10.0


def dice_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice of the whole batch (Milletari et al. 2016) plus binary cross-entropy.

    Dice is computed over the batch instead of per slice, and cross-entropy over every
    pixel, so that slices without tumor contribute, too.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, fraction of tumor in each pixel.
    """
    return dice(logits, truth) + functional.binary_cross_entropy_with_logits(logits, truth)


def slice_dice_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice per slice, over the slices with tumor, plus binary cross-entropy.

    A small tumor counts as much as a large one, unlike with Dice over the batch.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, fraction of tumor in each pixel.
    """
    probability = logits.sigmoid()
    overlap, sizes = (probability * truth).sum(dim=(1, 2)), truth.sum(dim=(1, 2))
    dice = (2 * overlap + _SLICE_SMOOTH) / (probability.sum(dim=(1, 2)) + sizes + _SLICE_SMOOTH)
    with_tumor = (sizes > 0).float()
    dice_loss = ((1 - dice) * with_tumor).sum() / with_tumor.sum().clamp(min=1)
    return dice_loss + functional.binary_cross_entropy_with_logits(logits, truth)


def dice(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice of the whole batch alone, as in the notebooks."""
    probability = logits.sigmoid()
    return 1 - (2 * (probability * truth).sum() + _SMOOTH) / (probability.sum() + truth.sum() + _SMOOTH)


def focal_tversky(logits: Tensor, truth: Tensor, alpha: float = 0.7, gamma: float = 0.75) -> Tensor:
    """Focal Tversky loss (Abraham and Khan 2019), with the notebooks' parameters.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, fraction of tumor in each pixel.
        alpha: weight of false negatives; false positives have the weight ``1 - alpha``.
        gamma: below one, it increases the weight of batches with a small loss.
    """
    probability = logits.sigmoid()
    true_positives = (probability * truth).sum()
    false_negatives = ((1 - probability) * truth).sum()
    false_positives = (probability * (1 - truth)).sum()
    errors = alpha * false_negatives + (1 - alpha) * false_positives
    tversky = (true_positives + _SMOOTH) / (true_positives + errors + _SMOOTH)
    return (1 - tversky) ** gamma


MASK_LOSSES = {
    "dice": dice,
    "dice_ce": dice_cross_entropy,
    "slice_dice_ce": slice_dice_cross_entropy,
    "focal_tversky": focal_tversky,
}


def mask_loss(name: str, logits: Tensor, truth: Tensor) -> Tensor:
    """The loss of a mask; of several compartments the mean over them, so that a small one counts as much as the whole.

    Args:
        name: of :data:`MASK_LOSSES`.
        logits: ``(n, h, w)``, or ``(n, compartment, h, w)``.
        truth: of the same shape, the fraction of tumor in each pixel.
    """
    loss = MASK_LOSSES[name]
    if logits.ndim == 3:
        return loss(logits, truth)
    pairs = zip(logits.unbind(1), truth.unbind(1), strict=True)
    return torch.stack([loss(own_logits, own_truth) for own_logits, own_truth in pairs]).mean()
