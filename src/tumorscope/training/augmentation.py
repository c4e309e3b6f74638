"""Changing training images, a whole batch at once, on whatever device it lies.

Each step has two halves: ``draw_*`` chooses random parameters for every image, and a
function without chance applies them. A drawn change can thus be replayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.preprocessing.intensity import HIGHEST, LOWEST
from tumorscope.recipes.experiment import AugmentationSettings

_BEND_KNOTS = 6
_BIAS_KNOTS = 3
_TONE_STEPS = 6
_TONES = (-3.0, 4.0)
"""Between these, in robust standard deviations, tone curves elastic_deformation."""


@dataclass(frozen=True)
class Motion:
    """Where each image's pixels come from: an affine map and a smooth elastic_deformation.

    Attributes:
        matrices: ``(n, 2, 3)`` in the coordinates of ``affine_grid``.
        elastic_deformation: ``(n, 2, knots, knots)`` displacements, or None.
    """

    matrices: Tensor
    elastic_deformation: Tensor | None


def draw_motion(count: int, settings: AugmentationSettings, device: torch.device) -> Motion:
    """One flip, rotation, zoom, shift and elastic_deformation a image."""
    angle = _uniform(count, settings.rotation_deg, device) * math.pi / 180
    zoom = torch.exp(_uniform(count, math.log1p(settings.scale), device))
    stretch = torch.exp(_uniform(count, math.log1p(settings.scale) / 3, device))
    mirror = 1 - 2 * (torch.rand(count, device=device) < settings.flip).float()
    if settings.quarter_turn:
        turned = torch.rand(count, device=device) < settings.quarter_turn
        angle = angle + turned * torch.randint(1, 4, (count,), device=device) * (math.pi / 2)
    if settings.vertical_flip:  # mirroring and half a turn
        upset = torch.rand(count, device=device) < settings.vertical_flip
        mirror, angle = torch.where(upset, -mirror, mirror), angle + upset * math.pi
    cosine, sine = torch.cos(angle), torch.sin(angle)
    matrices = torch.stack(
        [
            torch.stack(
                [mirror * cosine * zoom * stretch, -sine * zoom, 2 * _uniform(count, settings.translation, device)], 1
            ),
            torch.stack(
                [mirror * sine * zoom * stretch, cosine * zoom, 2 * _uniform(count, settings.translation, device)], 1
            ),
        ],
        dim=1,
    )
    elastic_deformation = None
    if settings.elastic_deformation > 0:
        elastic_deformation = (
            (torch.rand(count, 2, _BEND_KNOTS, _BEND_KNOTS, device=device) * 2 - 1) * 2 * settings.elastic_deformation
        )
    return Motion(matrices, elastic_deformation)


def move(images: Tensor, masks: Tensor, motion: Motion, size: int) -> tuple[Tensor, Tensor]:
    """Apply one motion to images ``(n, c, h, w)`` and masks ``(n, h, w)`` alike.

    Both come back at ``size``×``size``; masks are soft, a share of tumor in each pixel.
    """
    grid = functional.affine_grid(motion.matrices, [*images.shape[:2], size, size], align_corners=False)
    if motion.elastic_deformation is not None:
        elastic_deformation = functional.interpolate(
            motion.elastic_deformation, (size, size), mode="bicubic", align_corners=True
        )
        grid = grid + elastic_deformation.permute(0, 2, 3, 1)
    both = torch.cat([images, masks.unsqueeze(1)], dim=1)
    moved = functional.grid_sample(both, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved[:, :-1], moved[:, -1]


def augment(
    images: Tensor,
    masks: Tensor,
    settings: AugmentationSettings,
    *,
    sequences: int,
    fallback: int | None,
    size: int,
) -> tuple[Tensor, Tensor]:
    """A changed copy of a batch.

    Args:
        images: ``(n, slices·sequences, h, w)`` in robust standard deviations.
        masks: ``(n, h, w)``, zero to one.
        settings: how far to go.
        sequences: channels that belong to one slice.
        fallback: the sequence that stands in for a missing one (FLAIR), or None.
        size: side of the images that come back.

    Returns:
        ``(n, slices·sequences, size, size)`` and ``(n, size, size)``.
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
        upset = torch.rand(count, device=device) < settings.reversed_slices
        stack = torch.where(upset.view(-1, 1, 1, 1, 1), stack.flip(1), stack)
    if fallback is not None and settings.modality_dropout:
        missing = torch.rand(count, 1, sequences, 1, 1, device=device) < settings.modality_dropout
        stack = torch.where(missing, stack[:, :, fallback : fallback + 1], stack)
    stack = _change_intensity(stack, settings)
    if settings.curve:
        stack = _bend_tones(stack, settings.curve)
    if settings.local_contrast:
        stack = _flatten_surroundings(stack, settings.local_contrast)
    if settings.bias_field:
        knots = torch.rand(count, 1, _BIAS_KNOTS, _BIAS_KNOTS, device=device) * 2 - 1
        field = functional.interpolate(knots, (size, size), mode="bicubic", align_corners=True)
        strength = torch.rand(count, 1, 1, 1, device=device) * settings.bias_field
        # A coil's field multiplies what lies above air, the lowest value of each image.
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
        images = _punch_holes(images, settings.coarse_dropout)
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
    # Gamma also shifts the middle of the scale; what was zero goes back to zero.
    zero = torch.full_like(gamma, -LOWEST / (HIGHEST - LOWEST)).pow(gamma) * (HIGHEST - LOWEST) + LOWEST
    return (bent - zero) * contrast + brightness


def _bend_tones(stack: Tensor, strength: float) -> Tensor:
    """A random increasing tone curve for each sequence, straight between knots; the middle of the scale stays."""
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
    # What lies beyond the knots keeps its distance from the last one.
    return _TONES[0] + bent * ((_TONES[1] - _TONES[0]) / _TONE_STEPS) + (stack - straight)


def _flatten_surroundings(stack: Tensor, probability: float) -> Tensor:
    """For some images, gray levels measured partly from their surroundings, as local equalization leaves them."""
    count, size = stack.shape[0], stack.shape[-1]
    flat = stack.flatten(1, 2)
    tile = size // 8
    # Means of tiles and straight lines between them: what a sliding window finds, at a fraction of the time.
    mean, square = (
        functional.interpolate(functional.avg_pool2d(values, tile), (size, size), mode="bilinear")
        for values in (flat, flat.square())
    )
    spread = (square - mean.square()).clamp(min=0).sqrt() + 0.3
    share = torch.rand(count, 1, 1, 1, device=stack.device) * (
        torch.rand(count, 1, 1, 1, device=stack.device) < probability
    )
    return ((1 - share) * flat + share * (flat - mean) / spread).view(stack.shape)


def _punch_holes(images: Tensor, probability: float, coarse_dropout: int = 3) -> Tensor:
    count, _, height, width = images.shape
    device = images.device
    rows = torch.arange(height, device=device).view(1, 1, -1, 1) / height
    columns = torch.arange(width, device=device).view(1, 1, 1, -1) / width
    center = torch.rand(count, coarse_dropout, 2, 1, 1, device=device)
    half = 0.02 + 0.06 * torch.rand(count, coarse_dropout, 2, 1, 1, device=device)
    inside = ((rows - center[:, :, 0]).abs() < half[:, :, 0]) & ((columns - center[:, :, 1]).abs() < half[:, :, 1])
    chosen = torch.rand(count, 1, 1, 1, device=device) < probability
    return torch.where(inside.any(dim=1, keepdim=True) & chosen, torch.zeros((), device=device), images)


def _uniform(shape: int | tuple[int, ...], reach: float, device: torch.device) -> Tensor:
    return (torch.rand(shape, device=device) * 2 - 1) * reach
