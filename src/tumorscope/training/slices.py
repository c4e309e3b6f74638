"""All slices of a part of a data set, prepared and cached in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tumorscope.core.compartments import Compartment
from tumorscope.core.errors import TumorscopeError, UnreadableScan
from tumorscope.core.scan import Scan
from tumorscope.datasets.combined import CombinedCase
from tumorscope.datasets.labeled import GroundTruth, LabeledCase
from tumorscope.datasets.own_cases import SeveralLabels
from tumorscope.datasets.styles import restyle
from tumorscope.datasets.training_view import known_presence, training_view
from tumorscope.preprocessing import Preparation, prepare

UNKNOWN_CLASS = -1


@dataclass(frozen=True)
class Batch:
    """Some slices with their annotations.

    Attributes:
        images: float32 ``(n, (2·adjacent_slices + 1)·sequences, size, size)`` as
            :func:`tumorscope.preprocessing.stack_adjacent_slices` stacks them.
        masks: float32 ``(n, size, size)``, the fraction of tumor; zero if unknown. ``(n, compartment, size, size)``
            for several compartments.
        has_mask: boolean ``(n,)``, whether the mask is known.
        present: float32 ``(n,)``.
        classes: int ``(n,)``, or :data:`UNKNOWN_CLASS`.
    """

    images: Tensor
    masks: Tensor
    has_mask: Tensor
    present: Tensor
    classes: Tensor


@dataclass(frozen=True, eq=False)
class SliceCache:
    """Prepared slices of several cases.

    Attributes:
        images: float16 ``(slice, sequence, size, size)``, all cases in order.
        masks: uint8 ``(slice, size, size)``, the fraction of tumor in 255ths; ``(slice, compartment, size, size)`` for
            several compartments.
        has_mask: boolean ``(slice,)``, whether the mask is known.
        present: boolean ``(slice,)``, whether the slice shows a tumor.
        classes: int64 ``(slice,)``, or :data:`UNKNOWN_CLASS`.
        first, last: for each slice, the first and last slice of its case.
        cases: for each slice, the index of its case in ``names``.
        sources: for each slice, the index of its data set in ``source_names``.
        names: the cases.
        source_names: the data sets.
        unreadable: cases that were left out, each with the reason.
        versions: number of versions of each slice, including the unchanged one.
    """

    images: Tensor
    masks: Tensor
    has_mask: Tensor
    present: Tensor
    classes: Tensor
    first: Tensor
    last: Tensor
    cases: Tensor
    sources: Tensor
    names: tuple[str, ...]
    source_names: tuple[str, ...]
    unreadable: Mapping[str, str]
    versions: int = 1

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> SliceCache:
        """The same slices on another device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value.to(device) for name, value in values.items() if isinstance(value, Tensor)})

    def batch(self, indices: Tensor, adjacent_slices: int) -> Batch:
        """The slices of these indices; the first and last slice of a case are their own missing neighbors."""
        offsets = torch.arange(-adjacent_slices, adjacent_slices + 1, device=indices.device)
        chosen = indices[:, None] + offsets
        chosen = torch.maximum(torch.minimum(chosen, self.last[indices, None]), self.first[indices, None])
        return Batch(
            self.images[chosen].float().flatten(1, 2),
            self.masks[indices].float() / 255,
            self.has_mask[indices],
            self.present[indices].float(),
            self.classes[indices],
        )


def load_slices(
    cases: Iterable[LabeledCase],
    settings: Preparation,
    classes: tuple[str, ...] = (),
    sequences: tuple[str, ...] = (),
    restyled: int = 0,
    seed: int = 0,
    compartments: Sequence[Compartment] = (),
) -> SliceCache:
    """Read and prepare every slice of the cases, by the same code as in inference.

    A case that cannot be read is left out and named in ``unreadable``.

    Args:
        cases: of one data set or several.
        settings: from the recipe.
        classes: from the recipe; a case of another class counts as unknown.
        sequences: from the recipe; empty for all sequences of a case in its own order.
        restyled: number of additional versions of each case, see :func:`tumorscope.datasets.styles.restyle`.
        seed: of those versions.
        compartments: from the recipe; empty for one mask.

    Raises:
        TumorscopeError: not one case can be read.
        SeveralLabels: masks of own data have labels, and which are the tumor is not stated.
    """
    parts: dict[str, list[np.ndarray]] = {name: [] for name in _COLUMNS}
    names: list[str] = []
    sources: list[str] = []
    unreadable: dict[str, str] = {}
    start = 0
    for number, case in enumerate(cases):
        try:
            scan, truth = case.scan(), case.truth()
            chance = np.random.default_rng((seed, number))
            view = training_view(scan, settings.slice_distance_mm)
            voxels = view.forward(arrange(scan, sequences))
            masks = [view.forward(each) for each in _masks(case, truth, compartments)]
            mask = masks[0] if masks else None
            versions = [voxels, *(restyle(voxels, chance, mask) for _ in range(restyled))]
            # Such small matrices are slower on several cores.
            with threadpool_limits(1, "blas"):
                prepared = [prepare(version, settings, view.pixel_aspect) for version in versions]
        except SeveralLabels:
            raise  # of all cases, unless the user says which label is the tumor
        except TumorscopeError as error:
            unreadable[case.case] = str(error)
            continue
        count = len(voxels)
        source = case.dataset if isinstance(case, CombinedCase) else ""
        if source not in sources:
            sources.append(source)
        known = truth.tumor_class in classes if truth.tumor_class else False
        known_present = known_presence(truth, mask)
        present = np.ones(count, bool) if known_present is None else known_present
        for version in prepared:
            shares = np.zeros((max(1, len(compartments)), count, settings.size, settings.size), np.float32)
            if masks:
                shares = version.crop_resize.forward(np.stack(masks))
            columns = {
                "images": version.images.astype(np.float16),
                "masks": np.round((shares.swapaxes(0, 1) if compartments else shares[0]) * 255).astype(np.uint8),
                # The mask of a slice without a tumor is known to be empty.
                "has_mask": np.full(count, mask is not None) | ~present,
                "present": present,
                "classes": np.full(count, classes.index(truth.tumor_class or "") if known else UNKNOWN_CLASS),
                "first": np.full(count, start),
                "last": np.full(count, start + count - 1),
                "cases": np.full(count, len(names)),
                "sources": np.full(count, sources.index(source)),
            }
            for name, values in columns.items():
                parts[name].append(values)
            start += count
        names.append(case.case)
    if not names:
        first = next(iter(unreadable.values()), "none was named")
        raise TumorscopeError(f"not one case can be read; the first: {first}")
    joined = {name: torch.from_numpy(np.concatenate(values)) for name, values in parts.items()}
    return SliceCache(
        **joined, names=tuple(names), source_names=tuple(sources), unreadable=unreadable, versions=1 + restyled
    )


def _masks(case: LabeledCase, truth: GroundTruth, compartments: Sequence[Compartment]) -> list[np.ndarray]:
    """The mask of each channel; nothing if the mask is unknown.

    Raises:
        UnreadableScan: the case does not say which part of its mask is a compartment.
    """
    if truth.mask is None:
        return []
    inside = [truth.compartment(each.name) for each in compartments[1:]]
    known = [mask for mask in inside if mask is not None]
    if len(known) < len(inside):
        raise UnreadableScan(f"{case.case}: its mask does not tell {', '.join(each.name for each in compartments[1:])}")
    return [truth.mask, *known]


def arrange(scan: Scan, sequences: tuple[str, ...]) -> np.ndarray:
    """The channels of a recipe; FLAIR substitutes a missing sequence, as in the LGG data set.

    Args:
        scan: of named sequences, or of one channel.
        sequences: in the recipe's order; empty for all of the scan's.

    Raises:
        UnreadableScan: a sequence is missing, and so is FLAIR.
    """
    if not sequences or (len(sequences) == 1 and len(scan.sequences) == 1):
        return scan.voxels
    names = [name if name in scan.sequences else "flair" for name in sequences]
    if not set(names) <= set(scan.sequences):
        shown = [name if name != "unknown" else "t1c" for name in scan.sequences]
        raise UnreadableScan(
            f"{scan.case}: shows {', '.join(scan.sequences)} only, not {', '.join(sequences)}; a recipe takes what there "
            f"is with, for example, --set sequences=[{','.join(dict.fromkeys(shown))}]"
        )
    return scan.voxels[..., [scan.sequences.index(name) for name in names]]


_COLUMNS = ("images", "masks", "has_mask", "present", "classes", "first", "last", "cases", "sources")


class IndexDataset(Dataset[int]):
    """The indices of the cached slices, which a data loader yields instead of images."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        return index


class BalancedSliceSampler(Sampler[int]):
    """Samples the slices of an epoch in random order, balanced between slices with and without tumor.

    Args:
        cache: the slices to sample from.
        negative_ratio: number of slices without tumor per slice with tumor.
        fractions: by data set, the fraction of its slices with and without tumor per epoch; data sets that are not
            named contribute all. Above one, slices are repeated.
        seed: fixes the order together with the epoch, so that a resumed training continues it.
        rank, world_size: index and number of the distributed processes; the epoch's slices are split over
            them in turn, so that their batches together are the batches of a single process.
    """

    def __init__(
        self,
        cache: SliceCache,
        negative_ratio: float,
        seed: int,
        fractions: Mapping[str, tuple[float, float]] | None = None,
        *,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._pools: list[tuple[Tensor, int]] = []
        present, sources = cache.present.cpu(), cache.sources.cpu()
        for index, source in enumerate(cache.source_names):
            with_tumor, without = (part / cache.versions for part in (fractions or {}).get(source, (1.0, 1.0)))
            positive = (present & (sources == index)).nonzero().flatten()
            negative = (~present & (sources == index)).nonzero().flatten()
            negatives = min(len(negative), round(len(positive) * negative_ratio)) if len(positive) else len(negative)
            self._pools += [(positive, _part(len(positive), with_tumor)), (negative, _part(negatives, without))]
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    @property
    def drawn(self) -> tuple[int, int]:
        """Number of slices with and without tumor in an epoch of all processes."""
        return sum(count for _, count in self._pools[::2]), sum(count for _, count in self._pools[1::2])

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the order; the trainer calls this at its start."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self.drawn) // self.world_size

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        chosen = [_draw(pool, count, chance) for pool, count in self._pools]
        slices = torch.cat(chosen)
        order = slices[torch.randperm(len(slices), generator=chance)].tolist()
        yield from order[self.rank : len(self) * self.world_size : self.world_size]


def _part(count: int, fraction: float) -> int:
    """A fraction of a count, but at least one if there is any."""
    return max(1, round(count * fraction)) if count else 0


def _draw(pool: Tensor, count: int, chance: torch.Generator) -> Tensor:
    """Draw ``count`` of the pool; all of it is drawn once before anything is drawn twice."""
    rounds = [torch.randperm(len(pool), generator=chance) for _ in range(math.ceil(count / max(1, len(pool))))]
    return pool[torch.cat(rounds)[:count]] if rounds else pool
