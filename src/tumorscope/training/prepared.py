"""Prepared slices kept beside a run, so that a resumed training starts without reading its data sets again."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tumorscope import __version__
from tumorscope.core.compartments import Compartment
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import together
from tumorscope.datasets.labeled import LabeledCase
from tumorscope.preprocessing import Preparation
from tumorscope.training.distributed import is_rank_zero, print_rank_zero
from tumorscope.training.slices import SliceCache, load_slices

FOLDER = "prepared"
"""Inside the run's folder; :func:`remove_prepared` removes it when the training has ended."""
LARGEST_BYTES = 8 * 2**30
"""Larger stores are not kept: reading their data sets again costs less than the disk."""
_KEY, _WORDS = "key", "words"


@dataclass(frozen=True)
class SliceSettings:
    """How the slices of cases are prepared; see :func:`tumorscope.training.slices.load_slices`."""

    preparation: Preparation
    classes: tuple[str, ...]
    sequences: tuple[str, ...]
    restyled: int
    seed: int
    compartments: tuple[Compartment, ...] = ()

    def load(self, cases: Sequence[LabeledCase], show: Callable[[Sequence[LabeledCase]], Any]) -> SliceCache:
        """Read and prepare the cases, with a progress bar around them."""
        return load_slices(
            show(cases),
            self.preparation,
            self.classes,
            self.sequences,
            restyled=self.restyled,
            seed=self.seed,
            compartments=self.compartments,
        )

    def key(self, cases: Sequence[LabeledCase]) -> str:
        """A hash that is equal where these settings make the same slices of the same cases.

        Cases are known by their names: files that change under the same name are not noticed.
        """
        values = asdict(self) | {"preparation": self.preparation.model_dump(mode="json")}
        content = {"version": __version__, "cases": [case.case for case in cases], **values}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_or_prepare(
    path: Path,
    cases: Sequence[LabeledCase],
    settings: SliceSettings,
    show: Callable[[Sequence[LabeledCase]], Any] = iter,
) -> SliceCache:
    """The slices that an earlier start has kept in a file, or else prepared now and kept there.

    A file of other cases or other settings, and a damaged one, is replaced. A store of more than
    :data:`LARGEST_BYTES` is not kept, and where the file cannot be written the training goes on without it.

    Args:
        path: of the file, NumPy's ``.npz`` without pickles.
        cases: of one part of the split.
        settings: of their preparation.
        show: called with the cases if they are read, for a progress bar.

    Raises:
        TumorscopeError: not one case can be read.
    """
    key = settings.key(cases)
    kept = _read(path, key)
    if kept is not None:
        print_rank_zero(f"{path.stem}: prepared slices of an earlier start are in {path}")
        return kept
    store = settings.load(cases, show)
    if is_rank_zero():
        try:
            path.unlink(missing_ok=True)
            if _fits(store, path):
                _write(path, store, key)
        except (TumorscopeError, OSError) as error:
            print_rank_zero(f"prepared slices are not kept for a resumed training: {error}")
    return store


def remove_prepared(folder: Path) -> None:
    """Remove the kept slices of a run.

    Args:
        folder: the run's.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _fits(store: SliceCache, path: Path) -> bool:
    """Whether a store is small enough to be kept, and leaves as much of the disk to the checkpoints."""
    size = sum(tensor.nbytes for tensor in _tensors(store).values())
    existing = next(folder for folder in path.parents if folder.is_dir())
    return size <= LARGEST_BYTES and 2 * size <= shutil.disk_usage(existing).free


def _tensors(store: SliceCache) -> dict[str, Tensor]:
    values = {field.name: getattr(store, field.name) for field in fields(store)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def _write(path: Path, store: SliceCache, key: str) -> None:
    """Uncompressed and array by array: the slices take gigabytes."""
    tensors = _tensors(store)
    words = {field.name: getattr(store, field.name) for field in fields(store) if field.name not in tensors}
    words["unreadable"] = dict(store.unreadable)
    arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    with together(path.parent, [path.name]) as writing, writing(path.name) as file:
        content = {_KEY: np.array(key), _WORDS: np.array(json.dumps(words)), **arrays}
        np.savez(file, **content)  # type: ignore[arg-type]


def _read(path: Path, key: str) -> SliceCache | None:
    """The store, or None where the file is missing, damaged or of another key."""
    try:
        with np.load(path, allow_pickle=False) as content:
            if str(content[_KEY]) != key:
                return None
            words = json.loads(str(content[_WORDS]))
            tensors = {name: torch.from_numpy(content[name]) for name in content.files if name not in (_KEY, _WORDS)}
        words |= {name: tuple(words[name]) for name in ("names", "source_names")}
        return SliceCache(**tensors, **words)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
