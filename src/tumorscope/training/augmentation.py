"""Random augmentation of a batch of training images, on the batch's device.

Geometric augmentation has two parts: :func:`draw_motion` draws random parameters for every image, and the
deterministic :func:`move` applies them, so that a drawn change can be replayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.preprocessing.intensity import HIGHEST, LOWEST
from tumorscope.recipes.experiment import AugmentationSettings

_ELASTIC_KNOTS = 6
_BIAS_KNOTS = 3
_TONE_STEPS = 6
_TONES = (-3.0, 4.0)
"""Range of the tone curves, in robust standard deviations."""


@dataclass(frozen=True)
class Motion:
    """A geometric transform per image: an affine map and an elastic deformation.

    Attributes:
        matrices: ``(n, 2, 3)`` in the coordinates of ``affine_grid``.
        elastic_deformation: ``(n, 2, knots, knots)`` displacements, or None.
    """

    matrices: Tensor
    elastic_deformation: Tensor | None


def draw_motion(count: int, settings: AugmentationSettings, device: torch.device) -> Motion:
    """Draw flip, rotation, scale, translation and elastic deformation for each image."""
    angle = _uniform(count, settings.rotation_deg, device) * math.pi / 180
    scale = torch.exp(_uniform(count, math.log1p(settings.scale), device))
    stretch = torch.exp(_uniform(count, math.log1p(settings.scale) / 3, device))
    mirror = 1 - 2 * (torch.rand(count, device=device) < settings.flip).float()
    if settings.quarter_turn:
        turned = torch.rand(count, device=device) < settings.quarter_turn
        angle = angle + turned * torch.randint(1, 4, (count,), device=device) * (math.pi / 2)
    if settings.vertical_flip:  # mirroring and a rotation by 180 degrees
        flipped = torch.rand(count, device=device) < settings.vertical_flip
        mirror, angle = torch.where(flipped, -mirror, mirror), angle + flipped * math.pi
    cosine, sine = torch.cos(angle), torch.sin(angle)
    matrices = torch.stack(
        [
            torch.stack(
                [mirror * cosine * scale * stretch, -sine * scale, 2 * _uniform(count, settings.translation, device)], 1
            ),
            torch.stack(
                [mirror * sine * scale * stretch, cosine * scale, 2 * _uniform(count, settings.translation, device)], 1
            ),
        ],
        dim=1,
    )
    elastic_deformation = None
    if settings.elastic_deformation > 0:
        elastic_deformation = (
            (torch.rand(count, 2, _ELASTIC_KNOTS, _ELASTIC_KNOTS, device=device) * 2 - 1)
            * 2
            * settings.elastic_deformation
        )
    return Motion(matrices, elastic_deformation)


def move(images: Tensor, masks: Tensor, motion: Motion, size: int) -> tuple[Tensor, Tensor]:
    """Apply one motion to images ``(n, c, h, w)`` and masks ``(n, h, w)`` or ``(n, compartment, h, w)``.

    Returns:
        Both at ``size``×``size``; masks are soft, the fraction of tumor in each pixel.
    """
    grid = functional.affine_grid(motion.matrices, [*images.shape[:2], size, size], align_corners=False)
    if motion.elastic_deformation is not None:
        elastic_deformation = functional.interpolate(
            motion.elastic_deformation, (size, size), mode="bicubic", align_corners=True
        )
        grid = grid + elastic_deformation.permute(0, 2, 3, 1)
    channels = images.shape[1]
    both = torch.cat([images, masks if masks.ndim == 4 else masks.unsqueeze(1)], dim=1)
    moved = functional.grid_sample(both, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved[:, :channels], moved[:, channels:] if masks.ndim == 4 else moved[:, channels]


def augment(
    images: Tensor,
    masks: Tensor,
    settings: AugmentationSettings,
    *,
    sequences: int,
    fallback: int | None,
    size: int,
) -> tuple[Tensor, Tensor]:
    """An augmented copy of a batch.

    Args:
        images: ``(n, slices·sequences, h, w)`` in robust standard deviations.
        masks: ``(n, h, w)`` or ``(n, compartment, h, w)``, zero to one.
        settings: probabilities and strengths.
        sequences: number of channels per slice.
        fallback: index of the sequence that substitutes a missing one (FLAIR), or None.
        size: side of the returned images.

    Returns:
        ``(n, slices·sequences, size, size)`` and ``(n, [compartment,] size, size)``.
    """
    count, channels = images.shape[:2]
    adjacent_slices = channels // sequences // 2
    device = images.device
    images, masks = move(images, masks, draw_motion(count, settings, device), size)

    stack = images.view(count, channels // sequences, sequences, size, size)
    if adjacent_slices and settings.context_dropout:
        alone = torch.rand(count, device=device) < settings.context_dropout
        stack = torch.where(alone.view(-1, 1, 1, 1, 1), stack[:, adjacent_slices : adjacent_slices + 1], stack)
    if adjacent_slices and settings.reversed_slices:
        flipped = torch.rand(count, device=device) < settings.reversed_slices
        stack = torch.where(flipped.view(-1, 1, 1, 1, 1), stack.flip(1), stack)
    if fallback is not None and settings.modality_dropout:
        missing = torch.rand(count, 1, sequences, 1, 1, device=device) < settings.modality_dropout
        stack = torch.where(missing, stack[:, :, fallback : fallback + 1], stack)
    stack = _change_intensity(stack, settings)
    if settings.curve:
        stack = _apply_tone_curve(stack, settings.curve)
    if settings.local_contrast:
        stack = _normalize_locally(stack, settings.local_contrast)
    if settings.bias_field:
        knots = torch.rand(count, 1, _BIAS_KNOTS, _BIAS_KNOTS, device=device) * 2 - 1
        field = functional.interpolate(knots, (size, size), mode="bicubic", align_corners=True)
        strength = torch.rand(count, 1, 1, 1, device=device) * settings.bias_field
        # A coil's field multiplies the signal above air, the lowest value of each image.
        floor = stack.amin(dim=(3, 4), keepdim=True)
        stack = floor + (stack - floor) * (1 + strength * field).unsqueeze(2)
    images = stack.reshape(count, channels, size, size)
    if settings.blur:
        coarse = functional.interpolate(
            functional.interpolate(images, scale_factor=0.5, mode="bilinear", antialias=False),
            (size, size),
            mode="bilinear",
        )
        chosen = torch.rand(count, 1, 1, 1, device=device) < settings.blur
        images = torch.where(chosen, coarse, images)
    if settings.noise:
        strength = torch.rand(count, 1, 1, 1, device=device) * settings.noise
        images = images + torch.randn_like(images) * strength
    if settings.coarse_dropout:
        images = _drop_rectangles(images, settings.coarse_dropout)
    return images.clamp(LOWEST, HIGHEST), masks


def _change_intensity(stack: Tensor, settings: AugmentationSettings) -> Tensor:
    """Contrast, brightness and gamma, the same for all slices of a sequence."""
    if not settings.intensity:
        return stack
    shape = (stack.shape[0], 1, stack.shape[2], 1, 1)
    contrast = torch.exp(_uniform(shape, math.log1p(settings.intensity), stack.device))
    brightness = _uniform(shape, settings.intensity, stack.device)
    gamma = torch.exp(_uniform(shape, math.log1p(settings.intensity), stack.device))
    unit = ((stack - LOWEST) / (HIGHEST - LOWEST)).clamp(1e-4, 1)
    bent = unit.pow(gamma) * (HIGHEST - LOWEST) + LOWEST
    # Gamma also shifts the middle of the scale; this restores zero.
    zero = torch.full_like(gamma, -LOWEST / (HIGHEST - LOWEST)).pow(gamma) * (HIGHEST - LOWEST) + LOWEST
    return (bent - zero) * contrast + brightness


def _apply_tone_curve(stack: Tensor, strength: float) -> Tensor:
    """Apply a random increasing tone curve per sequence, linear between knots."""
    count, sequences = stack.shape[0], stack.shape[2]
    steps = torch.exp(strength * torch.randn(count, sequences, _TONE_STEPS, device=stack.device))
    steps = steps * (_TONE_STEPS / steps.sum(dim=2, keepdim=True))
    ends = functional.pad(steps.cumsum(dim=2), (1, 0))  # the curve at the knots, in steps
    position = ((stack - _TONES[0]) * (_TONE_STEPS / (_TONES[1] - _TONES[0]))).clamp(0, _TONE_STEPS - 1e-3)
    # (n, slices, sequences, h, w) to (n, sequences, slices·h·w), the order of the curves
    flat = position.transpose(1, 2).flatten(2)
    knot = flat.long()
    bent = ends.gather(2, knot) + steps.gather(2, knot) * (flat - knot)
    bent = bent.view(position.transpose(1, 2).shape).transpose(1, 2)
    straight = stack.clamp(*_TONES)
    # Values beyond the knots keep their distance from the last one.
    return _TONES[0] + bent * ((_TONES[1] - _TONES[0]) / _TONE_STEPS) + (stack - straight)


def _normalize_locally(stack: Tensor, probability: float) -> Tensor:
    """Normalize some images partly by local mean and deviation, as local equalization does."""
    count, size = stack.shape[0], stack.shape[-1]
    flat = stack.flatten(1, 2)
    tile = size // 8
    # Interpolated means of tiles approximate a sliding window at a fraction of the time.
    mean, square = (
        functional.interpolate(functional.avg_pool2d(values, tile), (size, size), mode="bilinear")
        for values in (flat, flat.square())
    )
    spread = (square - mean.square()).clamp(min=0).sqrt() + 0.3
    share = torch.rand(count, 1, 1, 1, device=stack.device) * (
        torch.rand(count, 1, 1, 1, device=stack.device) < probability
    )
    return ((1 - share) * flat + share * (flat - mean) / spread).view(stack.shape)


def _drop_rectangles(images: Tensor, probability: float, count_per_image: int = 3) -> Tensor:
    count, _, height, width = images.shape
    device = images.device
    rows = torch.arange(height, device=device).view(1, 1, -1, 1) / height
    columns = torch.arange(width, device=device).view(1, 1, 1, -1) / width
    center = torch.rand(count, count_per_image, 2, 1, 1, device=device)
    half = 0.02 + 0.06 * torch.rand(count, count_per_image, 2, 1, 1, device=device)
    inside = ((rows - center[:, :, 0]).abs() < half[:, :, 0]) & ((columns - center[:, :, 1]).abs() < half[:, :, 1])
    chosen = torch.rand(count, 1, 1, 1, device=device) < probability
    return torch.where(inside.any(dim=1, keepdim=True) & chosen, torch.zeros((), device=device), images)


def _uniform(shape: int | tuple[int, ...], limit: float, device: torch.device) -> Tensor:
    return (torch.rand(shape, device=device) * 2 - 1) * limit
