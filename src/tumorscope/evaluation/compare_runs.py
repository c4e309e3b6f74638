"""The runs to compare: folders of evaluations and of trainings."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorscope.core.errors import TumorscopeError
from tumorscope.evaluation.evaluation_files import REPORT_FILE, SCHEMA, SLICES_FILE
from tumorscope.evaluation.row_files import read_slices
from tumorscope.evaluation.rows import SliceRow

CURVES_FILE, RECIPE_FILE, SUMMARY_FILE = "curves.csv", "recipe.yaml", "summary.json"


_REQUIRED_KEYS = (
    "dataset", "part", "split_hash", "bundle", "runtime", "precision", "patients", "cases", "presence", "classes",
    "failed", "copies",
)  # fmt: skip
"""Keys of every evaluation."""


@dataclass(frozen=True)
class Evaluated:
    """An evaluation as read from its folder.

    Attributes:
        content: of ``evaluation.json``.
        slices: of ``slices.csv``.
    """

    content: Mapping[str, Any]
    slices: tuple[SliceRow, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The evaluated classes."""
        return tuple((self.content["classes"] or {}).get("names", ()))

    @property
    def flips(self) -> bool:
        """Whether the network's outputs were averaged over flips, which earlier versions could not."""
        return bool(self.content.get("flips", False))


@dataclass(frozen=True)
class Trained:
    """A training as read from its folder.

    Attributes:
        curves: for each logged value its ``(epoch, value)`` pairs, such as ``train/loss``.
        recipe: the content of ``recipe.yaml``.
        summary: epochs, minutes, parameters, split; empty if the training was interrupted.
    """

    curves: Mapping[str, tuple[tuple[int, float], ...]]
    recipe: Mapping[str, Any]
    summary: Mapping[str, Any]


@dataclass(frozen=True)
class ComparedRun:
    """One of the folders to compare, with an evaluation, a training, or both.

    Attributes:
        name: unique among those compared.
    """

    name: str
    evaluated: Evaluated | None
    trained: Trained | None


def read_runs(folders: Sequence[Path]) -> tuple[ComparedRun, ...]:
    """Read every folder.

    Raises:
        TumorscopeError: a folder has neither an evaluation nor a training, or was written by
            another version.
    """
    return tuple(_read_run(folder, name) for folder, name in zip(folders, unique_names(folders), strict=True))


def unique_names(folders: Sequence[Path]) -> list[str]:
    """The folders' names, with as many parent names as needed to make them unique.

    >>> unique_names([Path("/runs/a/evaluation"), Path("/runs/b/evaluation"), Path("/runs/c")])
    ['a/evaluation', 'b/evaluation', 'c']
    >>> unique_names([Path("/runs/a"), Path("/runs/a")])
    ['a', 'a-2']
    """
    parts = [folder.resolve().parts for folder in folders]
    depths = [1] * len(parts)
    while True:
        names = ["/".join(own[-depth:]) for own, depth in zip(parts, depths, strict=True)]
        shared = {
            name for name in names if len({own for own, one in zip(parts, names, strict=True) if one == name}) > 1
        }
        if not shared:
            break
        depths = [depth + (name in shared) for depth, name in zip(depths, names, strict=True)]
    unique: list[str] = []
    for name in names:
        number, free = 1, name
        while free in unique or (number > 1 and free in names):
            number += 1
            free = f"{name}-{number}"
        unique.append(free)
    return unique


def _read_run(folder: Path, name: str) -> ComparedRun:
    if not folder.is_dir():
        raise TumorscopeError(f"{folder}: no such folder")
    evaluated = read_evaluated(folder) if (folder / REPORT_FILE).exists() else None
    trained = _read_trained(folder) if (folder / CURVES_FILE).exists() else None
    if evaluated is None and trained is None:
        if (folder / RECIPE_FILE).exists():
            raise TumorscopeError(f"{folder}: this training has no {CURVES_FILE} yet; let it finish")
        raise TumorscopeError(
            f"{folder}: not the folder of an evaluation or a training (no {REPORT_FILE}, no {CURVES_FILE})"
        )
    return ComparedRun(name, evaluated, trained)


def read_evaluated(folder: Path) -> Evaluated:
    """Read what ``tumorscope evaluate`` wrote.

    Raises:
        TumorscopeError: not an evaluation's folder, damaged, or written by another version.
    """
    path = folder / REPORT_FILE
    if not path.exists():
        raise TumorscopeError(f"{folder}: not the folder of an evaluation (no {REPORT_FILE})")
    content = _json(path)
    schema = content.get("schema")
    if schema != SCHEMA:
        raise TumorscopeError(f"{path}: its schema is {schema or 'not named'}, not {SCHEMA}; evaluate again")
    missing = [key for key in _REQUIRED_KEYS if key not in content]
    if missing:
        raise TumorscopeError(f"{path}: damaged ({missing[0]} is missing); evaluate again")
    evaluated = Evaluated(content, ())
    return Evaluated(content, read_slices(folder / SLICES_FILE, evaluated.classes))


def _read_trained(folder: Path) -> Trained:
    import yaml

    curves: dict[str, list[tuple[int, float]]] = {}
    try:
        with (folder / CURVES_FILE).open(newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                epoch = int(line.pop("epoch"))
                for name, value in line.items():
                    if value and math.isfinite(float(value)):
                        curves.setdefault(name, []).append((epoch, float(value)))
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise TumorscopeError(f"{folder / CURVES_FILE}: damaged; it should have one row per epoch") from error
    try:
        recipe = yaml.safe_load((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TumorscopeError(f"{folder}: {RECIPE_FILE} is missing or damaged") from error
    if not isinstance(recipe, dict):
        raise TumorscopeError(f"{folder}: {RECIPE_FILE} is missing or damaged")
    summary = _json(folder / SUMMARY_FILE) if (folder / SUMMARY_FILE).exists() else {}
    return Trained({name: tuple(points) for name, points in curves.items()}, recipe, summary)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TumorscopeError(f"{path}: damaged; it cannot be read as JSON") from error
    if not isinstance(content, dict):
        raise TumorscopeError(f"{path}: damaged; it should be a JSON object")
    return content
