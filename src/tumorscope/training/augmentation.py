"""Changing training pictures, a whole batch at once, on whatever device it lies.

Each step has two halves: ``draw_*`` chooses random parameters for every picture, and a
function without chance applies them. A drawn change can thus be replayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.preparing.intensity import HIGHEST, LOWEST
from tumorscope.recipe import AugmentationSettings

_BEND_KNOTS = 6
_BIAS_KNOTS = 3
_TONE_STEPS = 6
_TONES = (-3.0, 4.0)
"""Between these, in robust standard deviations, tone curves bend."""


@dataclass(frozen=True)
class Motion:
    """Where each picture's pixels come from: an affine map and a smooth bend.

    Attributes:
        matrices: ``(n, 2, 3)`` in the coordinates of ``affine_grid``.
        bend: ``(n, 2, knots, knots)`` displacements, or None.
    """

    matrices: Tensor
    bend: Tensor | None


def draw_motion(count: int, settings: AugmentationSettings, device: torch.device) -> Motion:
    """One flip, rotation, zoom, shift and bend a picture."""
    angle = _uniform(count, settings.rotation_deg, device) * math.pi / 180
    zoom = torch.exp(_uniform(count, math.log1p(settings.zoom), device))
    stretch = torch.exp(_uniform(count, math.log1p(settings.zoom) / 3, device))
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
                [mirror * cosine * zoom * stretch, -sine * zoom, 2 * _uniform(count, settings.shift, device)], 1
            ),
            torch.stack(
                [mirror * sine * zoom * stretch, cosine * zoom, 2 * _uniform(count, settings.shift, device)], 1
            ),
        ],
        dim=1,
    )
    bend = None
    if settings.bend > 0:
        bend = (torch.rand(count, 2, _BEND_KNOTS, _BEND_KNOTS, device=device) * 2 - 1) * 2 * settings.bend
    return Motion(matrices, bend)


def move(pictures: Tensor, masks: Tensor, motion: Motion, size: int) -> tuple[Tensor, Tensor]:
    """Apply one motion to pictures ``(n, c, h, w)`` and masks ``(n, h, w)`` alike.

    Both come back at ``size``×``size``; masks are soft, a share of tumour in each pixel.
    """
    grid = functional.affine_grid(motion.matrices, [*pictures.shape[:2], size, size], align_corners=False)
    if motion.bend is not None:
        bend = functional.interpolate(motion.bend, (size, size), mode="bicubic", align_corners=True)
        grid = grid + bend.permute(0, 2, 3, 1)
    both = torch.cat([pictures, masks.unsqueeze(1)], dim=1)
    moved = functional.grid_sample(both, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved[:, :-1], moved[:, -1]


def augment(
    pictures: Tensor,
    masks: Tensor,
    settings: AugmentationSettings,
    *,
    sequences: int,
    fallback: int | None,
    size: int,
) -> tuple[Tensor, Tensor]:
    """A changed copy of a batch.

    Args:
        pictures: ``(n, slices·sequences, h, w)`` in robust standard deviations.
        masks: ``(n, h, w)``, zero to one.
        settings: how far to go.
        sequences: channels that belong to one slice.
        fallback: the sequence that stands in for a missing one (FLAIR), or None.
        size: side of the pictures that come back.

    Returns:
        ``(n, slices·sequences, size, size)`` and ``(n, size, size)``.
    """
    count, channels = pictures.shape[:2]
    context = channels // sequences // 2
    device = pictures.device
    pictures, masks = move(pictures, masks, draw_motion(count, settings, device), size)

    stack = pictures.view(count, channels // sequences, sequences, size, size)
    if context and settings.missing_context:
        alone = torch.rand(count, device=device) < settings.missing_context
        stack = torch.where(alone.view(-1, 1, 1, 1, 1), stack[:, context : context + 1], stack)
    if context and settings.reversed_slices:
        upset = torch.rand(count, device=device) < settings.reversed_slices
        stack = torch.where(upset.view(-1, 1, 1, 1, 1), stack.flip(1), stack)
    if fallback is not None and settings.missing_sequence:
        missing = torch.rand(count, 1, sequences, 1, 1, device=device) < settings.missing_sequence
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
        # A coil's field multiplies what lies above air, the lowest value of each picture.
        floor = stack.amin(dim=(3, 4), keepdim=True)
        stack = floor + (stack - floor) * (1 + strength * field).unsqueeze(2)
    pictures = stack.reshape(count, channels, size, size)
    if settings.blur:
        coarse = functional.interpolate(
            functional.interpolate(pictures, scale_factor=0.5, mode="bilinear", antialias=False),
            (size, size),
            mode="bilinear",
        )
        chosen = torch.rand(count, 1, 1, 1, device=device) < settings.blur
        pictures = torch.where(chosen, coarse, pictures)
    if settings.noise:
        strength = torch.rand(count, 1, 1, 1, device=device) * settings.noise
        pictures = pictures + torch.randn_like(pictures) * strength
    if settings.holes:
        pictures = _punch_holes(pictures, settings.holes)
    return pictures.clamp(LOWEST, HIGHEST), masks


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


def _punch_holes(pictures: Tensor, probability: float, holes: int = 3) -> Tensor:
    count, _, height, width = pictures.shape
    device = pictures.device
    rows = torch.arange(height, device=device).view(1, 1, -1, 1) / height
    columns = torch.arange(width, device=device).view(1, 1, 1, -1) / width
    centre = torch.rand(count, holes, 2, 1, 1, device=device)
    half = 0.02 + 0.06 * torch.rand(count, holes, 2, 1, 1, device=device)
    inside = ((rows - centre[:, :, 0]).abs() < half[:, :, 0]) & ((columns - centre[:, :, 1]).abs() < half[:, :, 1])
    chosen = torch.rand(count, 1, 1, 1, device=device) < probability
    return torch.where(inside.any(dim=1, keepdim=True) & chosen, torch.zeros((), device=device), pictures)


def _uniform(shape: int | tuple[int, ...], reach: float, device: torch.device) -> Tensor:
    return (torch.rand(shape, device=device) * 2 - 1) * reach
