"""What training makes small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

_SMOOTH = 1.0


def dice_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice of the whole batch (Milletari et al. 2016) plus binary cross-entropy.

    Dice is taken over the batch rather than slice by slice, and cross-entropy over every
    pixel, so that slices without tumour teach the network to stay silent.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, share of tumour in each pixel.
    """
    probability = logits.sigmoid()
    overlap = (probability * truth).sum()
    dice = (2 * overlap + _SMOOTH) / (probability.sum() + truth.sum() + _SMOOTH)
    return 1 - dice + functional.binary_cross_entropy_with_logits(logits, truth)


def focal_tversky(logits: Tensor, truth: Tensor, alpha: float = 0.7, gamma: float = 0.75) -> Tensor:
    """Focal Tversky loss (Abraham and Khan 2019), with the notebooks' parameters.

    Args:
        logits: ``(n, h, w)``.
        truth: ``(n, h, w)``, share of tumour in each pixel.
        alpha: weight of missed tumour; false alarms weigh ``1 - alpha``.
        gamma: below one, batches that are nearly right still count.
    """
    probability = logits.sigmoid()
    hit = (probability * truth).sum()
    missed = ((1 - probability) * truth).sum()
    false = (probability * (1 - truth)).sum()
    tversky = (hit + _SMOOTH) / (hit + alpha * missed + (1 - alpha) * false + _SMOOTH)
    return (1 - tversky) ** gamma


MASK_LOSSES = {"dice_ce": dice_cross_entropy, "focal_tversky": focal_tversky}
