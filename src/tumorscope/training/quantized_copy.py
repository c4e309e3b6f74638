"""A copy of a bundle with an int8 model beside its float model."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tumorscope.datasets.labeled import cases_of
from tumorscope.datasets.own_options import PATIENTS_FILE
from tumorscope.datasets.split import Split
from tumorscope.inference.bundle import save_card
from tumorscope.inference.bundles import Bundle, load_bundle
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.assessment import AssessedBundle, assess
from tumorscope.training.copies import LEFT_OUT_FILE, read_left_out
from tumorscope.training.eight_bits import INT8_FILE
from tumorscope.training.export import publish
from tumorscope.training.run import SPLIT_FILE, open_datasets


def quantize_copy(
    bundle: Bundle,
    recipe: Recipe,
    data: Mapping[str, Path],
    folder: Path,
    log: Callable[[str], None] = lambda line: None,
) -> AssessedBundle:
    """Write a copy of a bundle with a new int8 model, and with the metrics of both models in its card.

    The float model and its operating point stay. An int8 model that the bundle has is replaced.

    Args:
        bundle: with its split.
        recipe: what it was trained by, which names the data sets.
        data: the folder of each data set.
        folder: the copy's; replaced only after everything has succeeded, and may be the bundle's own.
        log: called with a line about each step.

    Raises:
        TumorscopeError: every int8 model loses too much on the validation cases.
        BadSplit: the bundle has no split, or it names patients that the data lack.
    """
    split = Split.load(bundle.folder / SPLIT_FILE)
    patients = bundle.folder / PATIENTS_FILE
    dataset = open_datasets(recipe, data, patients if patients.exists() else None)
    left_out_file = bundle.folder / LEFT_OUT_FILE
    left_out = read_left_out(left_out_file) if left_out_file.exists() else {}
    parts = {
        part: [case for case in cases_of(dataset, split[part]) if case.case not in left_out]
        for part in ("train", "validation", "test")
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True
    ) as staging:
        work = Path(staging)
        shutil.copytree(bundle.folder, work, dirs_exist_ok=True)
        (work / INT8_FILE).unlink(missing_ok=True)
        floats = tuple(model for model in bundle.card.models if model.precision == "float")
        copy = save_card(bundle.card.model_copy(update={"models": floats}), work)
        assessed = assess(copy, dataset, parts, split.hash, eight_bit=True, log=log)
        publish(work, folder)
    return replace(assessed, bundle=load_bundle(folder))
