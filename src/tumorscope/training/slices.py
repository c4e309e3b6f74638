"""All slices of a part of a data set, prepared and in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tumorscope.datasets.lgg import LggPatient
from tumorscope.preparing import Preparation, prepare


@dataclass(frozen=True, eq=False)
class SliceStore:
    """Prepared slices of several patients, ready to be drawn in batches.

    Attributes:
        pictures: float16 ``(slice, sequence, size, size)``, all patients one after another.
        masks: uint8 ``(slice, size, size)``, the share of tumour in 255ths.
        present: boolean ``(slice,)``, whether the full-size mask marks anything.
        first, last: for each slice, the first and last slice of its patient.
        cases: for each slice, the patient's place in ``names``.
        names: the patients.
    """

    pictures: Tensor
    masks: Tensor
    present: Tensor
    first: Tensor
    last: Tensor
    cases: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pictures)

    def to(self, device: torch.device) -> SliceStore:
        """The same slices on another device."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "names"}
        return replace(self, **{name: tensor.to(device) for name, tensor in tensors.items()})

    def batch(self, indices: Tensor, context: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures with their neighbours, masks and presence of the chosen slices.

        Returns:
            float32 ``(n, (2·context + 1)·sequences, size, size)`` as
            :func:`tumorscope.preparing.with_neighbours` stacks them, float32
            ``(n, size, size)`` from zero to one, and float32 ``(n,)``.
        """
        offsets = torch.arange(-context, context + 1, device=indices.device)
        chosen = indices[:, None] + offsets
        chosen = torch.maximum(torch.minimum(chosen, self.last[indices, None]), self.first[indices, None])
        pictures = self.pictures[chosen].float().flatten(1, 2)
        return pictures, self.masks[indices].float() / 255, self.present[indices].float()


def load_slices(
    patients: Iterable[LggPatient],
    settings: Preparation,
) -> SliceStore:
    """Read and prepare every slice of the patients, by the code that users' scans go through."""
    pictures, masks, present, first, last, cases, names = [], [], [], [], [], [], []
    start = 0
    for patient in patients:
        scan, mask = patient.scan(), patient.mask
        prepared = prepare(scan.voxels, settings)
        count = len(prepared.pictures)
        pictures.append(prepared.pictures.astype(np.float16))
        masks.append(np.round(prepared.framing.apply(mask) * 255).astype(np.uint8))
        present.append(mask.any(axis=(1, 2)))
        first.append(np.full(count, start))
        last.append(np.full(count, start + count - 1))
        cases.append(np.full(count, len(names)))
        names.append(patient.case)
        start += count
    joined = [torch.from_numpy(np.concatenate(part)) for part in (pictures, masks, present, first, last, cases)]
    return SliceStore(joined[0], joined[1], joined[2], joined[3], joined[4], joined[5], tuple(names))


class SliceNumbers(Dataset[int]):
    """The numbers of a store's slices: what a data loader deals in, as the pictures are in memory."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        return index


class BalancedSlices(Sampler[int]):
    """Every slice with tumour once an epoch, and as many without as asked, in a new order.

    Args:
        present: boolean ``(slice,)``.
        empty_slices: how many slices without tumour are drawn for each one with.
        seed: together with the epoch it fixes the order, so that a resumed training goes on with it.
    """

    def __init__(self, present: Tensor, empty_slices: float, seed: int) -> None:
        self.with_tumor = present.nonzero().flatten().cpu()
        self.without = (~present).nonzero().flatten().cpu()
        self.drawn_empty = min(len(self.without), round(len(self.with_tumor) * empty_slices))
        if not len(self.with_tumor):
            self.drawn_empty = len(self.without)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; the trainer calls this at the start of every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.with_tumor) + self.drawn_empty

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        empty = self.without[torch.randperm(len(self.without), generator=chance)[: self.drawn_empty]]
        slices = torch.cat([self.with_tumor, empty])
        yield from slices[torch.randperm(len(slices), generator=chance)].tolist()
