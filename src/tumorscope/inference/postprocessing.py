"""From a network's predictions to probabilities, masks and types: thresholds, components and the model card's point."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.ndimage import binary_dilation, label

from tumorscope.core.compartments import separate
from tumorscope.inference.engine import Predictions
from tumorscope.inference.logits import sigmoid
from tumorscope.inference.model_card import NO_TUMOR, Card, OperatingPoint
from tumorscope.inference.tumor_type import class_probability, type_probability
from tumorscope.measurement.components import find_components
from tumorscope.preprocessing.axial import View
from tumorscope.preprocessing.crop_resize import CropResize


def presence_probability(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities from the logits of slice-level detection, calibrated by temperature scaling."""
    return sigmoid(np.asarray(logits, np.float64) / temperature)


def slice_probability(predictions: Predictions, card: Card) -> np.ndarray:
    """The probability that each slice shows a tumor, ``(slice,)``, from the output that predicts it most directly.

    That is slice-level detection where the network has it; else the classes where ``notumor`` is
    among them; else the mask's most certain pixel. For a bundle that only distinguishes tumor types
    it is one.
    """
    point = card.operating_point
    if predictions.presence is not None:
        return presence_probability(predictions.presence, point.temperature)
    if predictions.classes is not None and NO_TUMOR in card.classes:
        return 1 - class_probability(predictions.classes, point.type_temperature)[:, card.classes.index(NO_TUMOR)]
    if predictions.mask is not None:
        return predictions.mask.max(axis=(1, 2))
    return np.ones(len(predictions))


def slice_types(predictions: Predictions, card: Card) -> np.ndarray | None:
    """``(slice, type)``, or None where the network does not predict types."""
    if predictions.classes is None:
        return None
    return type_probability(class_probability(predictions.classes, card.operating_point.type_temperature), card)


def slices_to_localize(predictions: Predictions, card: Card, *, sampled: bool) -> np.ndarray:
    """The slices of a scan whose mask :func:`postprocess` could keep, boolean ``(slice,)``.

    Args:
        predictions: what was detected.
        card: with the operating point.
        sampled: masks will be interpolated between slices, so that one reaches to the next.
    """
    probability, point = slice_probability(predictions, card), card.operating_point
    # A component does not pass a slice below the floor, so that it stays in one run, and needs one certain slice there.
    runs = cast(np.ndarray, label(probability >= point.slice_floor)[0])  # type: ignore[index]
    possible = np.isin(runs, runs[probability >= point.presence])
    return binary_dilation(possible) if sampled else possible


def postprocess(
    mask_probability: np.ndarray, slice_probability: np.ndarray, point: OperatingPoint
) -> tuple[np.ndarray, int]:
    """Apply the operating point to a scan: detect, then localize, by connected components.

    A component of the mask is kept whole if one of its slices reaches the operating point for presence. The
    evaluation chooses operating points with the same function.

    Args:
        mask_probability: ``(slice, size, size)``.
        slice_probability: ``(slice,)``.
        point: the thresholds.

    Returns:
        Boolean mask ``(slice, size, size)``, and how many small components were removed from it.
    """
    components = find_components(mask_probability, slice_probability, point.mask, point.slice_floor)
    kept = components.kept(point.presence, point.min_component_size_px)
    return kept[components.labels], int((components.kept(point.presence, 0) & ~kept).sum())


def segment(
    predictions: Predictions, probability: np.ndarray, card: Card, crop_resize: CropResize
) -> tuple[np.ndarray, int]:
    """The mask on the analyzed slices' grid, and how many small components were removed.

    Args:
        predictions: of the network, for every analyzed slice.
        probability: ``(slice,)``, from :func:`slice_probability`.
        card: with the operating point.
        crop_resize: from the analyzed slices to the network's input.

    Returns:
        Boolean ``(slice, row, column)``, and the number of components.
    """
    point = card.operating_point
    mask = np.zeros((len(probability), *crop_resize.shape), bool)
    if predictions.mask is None:
        return mask, 0
    kept, removed_components = postprocess(predictions.mask, probability, point)
    for index in np.flatnonzero(kept.any(axis=(1, 2))):
        # Pixels below the threshold stay, as the enlarged contour runs between them and the kept ones.
        removed = (predictions.mask[index] >= point.mask) & ~kept[index]
        mask[index] = crop_resize.inverse(np.where(removed, 0, predictions.mask[index])) >= point.mask
    return mask, removed_components


def segment_compartments(
    predictions: Predictions, mask: np.ndarray, card: Card, crop_resize: CropResize
) -> np.ndarray | None:
    """The compartments inside a mask; None for a bundle of one mask.

    Args:
        predictions: of the network, for every analyzed slice.
        mask: of the whole tumor, from :func:`segment`.
        card: names the compartments.
        crop_resize: from the analyzed slices to the network's input.

    Returns:
        Boolean ``(compartment, slice, row, column)``, without the whole.
    """
    if predictions.compartments is None:
        return None
    found = np.zeros((len(card.compartments) - 1, *mask.shape), bool)
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        probabilities = crop_resize.inverse(predictions.compartments[index])
        found[:, index] = separate(mask[index], probabilities, card.compartments, card.operating_point.compartments)
    return found


def voxel_probability(predictions: Predictions, crop_resize: CropResize, view: View) -> np.ndarray | None:
    """The mask output for every voxel of the scan, uint8 ``(slice, row, column)``, 255 for 1; None without it."""
    if predictions.mask is None:
        return None
    scaled = np.zeros((len(predictions.mask), *crop_resize.shape), np.uint8)
    for index in np.flatnonzero(predictions.mask.max(axis=(1, 2)) * 255 >= 0.5):
        scaled[index] = np.clip(crop_resize.inverse(predictions.mask[index]) * 255 + 0.5, 0, 255)
    return view.inverse(scaled)
