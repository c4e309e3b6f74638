"""The small network that recognizes sequences: its layers, its training and its ONNX file."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tumorscope.core.scan import SEQUENCES
from tumorscope.inference.runtimes import OPSET
from tumorscope.inference.sequence_recognition import SIDE, network_input
from tumorscope.training.onnx_files import strip_metadata
from tumorscope.training.sequence_samples import SequenceSamples

WIDTHS = (12, 24, 40, 56)
STEPS = 900
_BATCH = 64
_RATE, _DECAY, _SMOOTHING = 4e-3, 0.02, 0.05


class SequenceNetwork(nn.Module):
    """Four convolutions, then the mean and the maximum over the slice: about 33,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = WIDTHS
        self.body = nn.Sequential(
            nn.Conv2d(2, first, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(first), nn.ReLU(), nn.MaxPool2d(2),
            *_block(first, second), nn.MaxPool2d(2),
            *_block(second, third), nn.MaxPool2d(2),
            *_block(third, fourth),
        )  # fmt: skip
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(2 * fourth, len(SEQUENCES))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits ``(n, sequence)`` of inputs ``(n, 2, SIDE, SIDE)``."""
        features = self.body(inputs)
        return self.head(self.dropout(torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)))


def _block(channels_in: int, channels_out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()


def train_network(
    samples: SequenceSamples,
    weights: np.ndarray,
    steps: int = STEPS,
    seed: int = 0,
    on_step: Callable[[], None] = lambda: None,
) -> SequenceNetwork:
    """Fit the network.

    Args:
        samples: to draw from.
        weights: of each in the draw; they add up to one.
        steps: of 64 images.
        seed: of first weights, draws and augmentation.
        on_step: called after each step.
    """
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    network = SequenceNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.15)
    loss_of = nn.CrossEntropyLoss(label_smoothing=_SMOOTHING)
    for _ in range(steps):
        drawn = chance.choice(len(samples), _BATCH, p=weights)
        images = [augmented(samples.views[index], samples.heads[index], chance) for index in drawn]
        loss = loss_of(network(torch.from_numpy(np.stack(images))), torch.from_numpy(samples.sequence[drawn]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        on_step()
    return network.eval()


def augmented(view: np.ndarray, head: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A view as the network receives it, changed as positions, scanners and viewers change it.

    Args:
        view: uint8 ``(SIDE, SIDE)``.
        head: boolean of the same shape.
        chance: draws the changes.
    """
    gray, head = _moved(view.astype(np.float32) / 255, head, chance)
    if chance.random() < 0.2:
        head = head & (_radius(head) < chance.uniform(0.72, 0.92))  # about the skull and what is around it
        gray = gray * head
    if chance.random() < 0.4:
        rows, columns = np.mgrid[:SIDE, :SIDE]
        phase = chance.uniform(0, 6) + rows * chance.uniform(-0.03, 0.03) + columns * chance.uniform(-0.03, 0.03)
        gray = gray * (1 + chance.uniform(0.1, 0.4) * np.sin(phase))
    if chance.random() < 0.25:
        gray = gray + chance.normal(0, chance.uniform(0.01, 0.06), gray.shape) * head
    if chance.random() < 0.25:
        around = np.mean([np.roll(gray, step, axis) for axis in (0, 1) for step in (1, -1)], axis=0)
        gray = gray + chance.uniform(-0.6, 0.5) * (gray - around)  # blurred or sharpened
    gray = np.clip(gray, 0, 1)
    if chance.random() < 0.5:
        gray = gray ** float(np.exp(chance.uniform(-0.8, 0.8)))
    if chance.random() < 0.3:
        low, high = chance.uniform(0, 0.2), chance.uniform(0.6, 1)
        gray = np.clip((gray - low) / (high - low), 0, 1)
    return network_input(gray, head)


def _moved(gray: np.ndarray, head: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if chance.random() < 0.5:
        gray, head = gray[:, ::-1], head[:, ::-1]
    if chance.random() < 0.15:
        turns = int(chance.integers(1, 4))
        gray, head = np.rot90(gray, turns), np.rot90(head, turns)
    if chance.random() < 0.25:
        by = (int(chance.integers(-6, 7)), int(chance.integers(-6, 7)))
        gray, head = np.roll(gray, by, (0, 1)), np.roll(head, by, (0, 1))
    return gray, head


def _radius(head: np.ndarray) -> np.ndarray:
    """Of each pixel; 1 on an upright ellipse with the head's spread."""
    inside = np.nonzero(head)
    if not len(inside[0]):
        return np.zeros(head.shape)
    parts = [
        (axis - own.mean()) / (2 * own.std() + 1) for axis, own in zip(np.mgrid[:SIDE, :SIDE], inside, strict=True)
    ]
    return np.hypot(*parts)


def encode_network(network: SequenceNetwork) -> bytes:
    """The network's ONNX file, its batch dynamic."""
    import onnx

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns about operators of torchvision
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network.eval(),
            (torch.zeros(2, 2, SIDE, SIDE),),
            path,
            input_names=["image"],
            output_names=["sequence"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            external_data=False,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        return strip_metadata(onnx.load(path)).SerializeToString()
