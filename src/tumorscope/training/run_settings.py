"""The settings that a run's folder keeps, so that a training goes on as it began."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_whole
from tumorscope.datasets.own_options import PATIENTS_FILE, read_patients, save_patients
from tumorscope.datasets.split import Split
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.copies import LEFT_OUT_FILE
from tumorscope.training.curves import LOG_FOLDER
from tumorscope.training.layers import LAYERS_FILE
from tumorscope.training.precision import PRECISION_FILE
from tumorscope.training.run import RECIPE_FILE, SPLIT_FILE, Run

_FILES = (RECIPE_FILE, SPLIT_FILE, PATIENTS_FILE, LEFT_OUT_FILE, PRECISION_FILE, LAYERS_FILE)


def check_same_training(run: Run, recipe: Recipe, split: Split | None, patients: Path | None) -> None:
    """Check that a run's folder contains the training that is asked for.

    Args:
        run: of a training that has begun.
        recipe: the experiment.
        split: as the user states it; None if it is not stated.
        patients: the table of patients that the user states.

    Raises:
        TumorscopeError: it was trained with other settings, on another split, or with other patients.
    """
    changed = _difference(run.recipe().model_dump(mode="json"), recipe.model_dump(mode="json"))
    if changed:
        raise TumorscopeError(f"{run.folder}: contains a training with another recipe ({changed}); name another folder")
    if split is not None and split.hash != run.split().hash:
        raise TumorscopeError(
            f"{run.folder}: contains a training on another split; name another folder, or resume it without --split "
            "and --fold"
        )
    if patients is not None and (run.patients is None or read_patients(patients) != read_patients(run.patients)):
        raise TumorscopeError(
            f"{run.folder}: contains a training with other patients; name another folder, or resume it without "
            "--patients"
        )


def write_settings(folder: Path, recipe: Recipe, split: Split, patients: Mapping[str, str] | None) -> None:
    """Write recipe, split and the patients that the user states by case, each file whole."""
    save_whole(folder / RECIPE_FILE, yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False).encode())
    save_whole(folder / SPLIT_FILE, split.to_json().encode())
    if patients is not None:
        save_patients(patients, folder / PATIENTS_FILE)


@contextmanager
def first_start(folder: Path) -> Iterator[None]:
    """The first start of a training, which knows nothing of an earlier one that came to no checkpoint.

    What such a start has left is removed, since its patients or its list of copies would silently count here. If this
    one fails before its first checkpoint the folder is as it was, for a file may be the user's own. Prepared slices
    stay: they are taken only where they fit.
    """
    found = {name: (folder / name).read_bytes() for name in _FILES if (folder / name).is_file()}
    _remove(folder)
    try:
        yield
    except TumorscopeError:
        if not Run(folder).last.exists():
            _remove(folder)
            for name, content in found.items():
                save_whole(folder / name, content)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def _remove(folder: Path) -> None:
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    Run(folder).best.unlink(missing_ok=True)
    shutil.rmtree(folder / LOG_FOLDER, ignore_errors=True)


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """The first key whose values differ, in words; empty if none does."""
    for key in (*there, *(key for key in here if key not in there)):
        old, new = there.get(key), here.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            return f"{key}.{_difference(old, new)}"
        return f"{key} is {_short(old)} there and {_short(new)} here"
    return ""


def _short(value: object) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
