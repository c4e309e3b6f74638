"""Training on features: from a recipe and figshare's folder to a run with metrics, plots and an exported model."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.files import save_together, save_whole
from tumorscope.core.notice import NOTICE
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.recipes.radiomics import FeaturesRecipe, parse_features_recipe
from tumorscope.training.feature_model.classifiers import TITLES, fit_model
from tumorscope.training.feature_model.comparison_plots import draw_comparison, draw_confusion, draw_importance
from tumorscope.training.feature_model.comparison_report import markdown
from tumorscope.training.feature_model.crossvalidation import Evaluated, cross_validate, metrics
from tumorscope.training.feature_model.feature_table import FeatureTable, MaskOf, build_table
from tumorscope.training.feature_model.importance import families, permutation_importance
from tumorscope.training.feature_model.onnx_export import export_model
from tumorscope.training.feature_model.predicted_masks import mask_source

RECIPE_FILE, TABLE_FILE, METRICS_FILE, REPORT_FILE = "recipe.yaml", "features.csv", "metrics.json", "report.md"
SCHEMA = "tumorscope.feature-models/1"


@dataclass(frozen=True)
class FeatureRun:
    """The folder of a training on features.

    Attributes:
        folder: holds ``features.csv``, ``predictions.csv``, ``metrics.json``, ``report.md``,
            plots, and the model that :func:`tumorscope.measurement.radiomics_classifier.load_radiomics_classifier` loads.
        best: name of the exported model.
        compared: metrics of every model, the best first.
        skipped: files of the data set that could not be read, with the reason.
    """

    folder: Path
    best: str
    compared: tuple[dict[str, Any], ...]
    skipped: dict[str, str]


def train_feature_model(
    recipe: FeaturesRecipe,
    data: Path,
    folder: Path,
    masks_from: MaskOf | Path | None = None,
    *,
    without_fold: int | None = None,
    console: Console | None = None,
) -> FeatureRun:
    """Measure all slices, compare the recipe's models by patient, and export the best.

    An interrupted run continues in its folder without measuring slices again. The models are fitted again,
    which takes minutes.

    Args:
        recipe: the experiment.
        data: figshare's folder, with ``cvind.mat``.
        folder: of the run; created if necessary.
        masks_from: for ``masks: predicted``, the source of the masks, see
            :func:`tumorscope.training.feature_model.predicted_masks.mask_source`. The metrics are
            unbiased only if each slice's mask comes from a network that was not trained
            on its patient; for the masks of one network, name the fold it was not trained on.
        without_fold: the publisher's fold to exclude from the exported model, for a
            bundle that is evaluated on it; None uses all. With ``masks_from`` the
            metrics are of this fold alone.
        console: for the progress bars; standard error if None.

    Raises:
        TumorscopeError: masks are missing or unexpected, the folder contains another
            recipe's run, or the data set is incomplete.
    """
    if (recipe.masks == "predicted") != (masks_from is not None):
        needs = (
            "needs masks, but none were given" if masks_from is None else "measures true masks, but others were given"
        )
        raise TumorscopeError(f"recipe {recipe.name} {needs}; set masks: true or predicted to fit")
    _start(recipe, folder)
    dataset = FigshareDataset.open(data)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as progress:
        measuring = progress.add_task("measuring slices", total=len(dataset.cases))
        table = build_table(
            dataset,
            folder / TABLE_FILE,
            bins=recipe.bins,
            mask_of=None if masks_from is None else mask_source(masks_from),
            progress=lambda _case: progress.advance(measuring),
        )
        folds = len(set(table.folds.tolist()))
        fitting = progress.add_task("fitting models", total=folds * len(recipe.models))
        evaluated = []
        for name in recipe.models:
            progress.update(fitting, description=f"fitting {TITLES[name]}")
            evaluated.append(cross_validate(name, table, recipe.seed, lambda _fold: progress.advance(fitting)))
        # A network's masks of its training patients are better than those of other patients.
        evaluated_fold = None if masks_from is None else without_fold
        unbiased = np.ones(len(table.rows), bool) if evaluated_fold is None else table.folds == evaluated_fold
        shown = table.only(unbiased)
        ranked = sorted(
            ((metrics(model.only(unbiased), shown), model) for model in evaluated),
            key=lambda pair: -pair[0]["metrics"]["balanced_accuracy"]["value"],
        )
        compared, best = [content for content, _ in ranked], ranked[0][1]
        groups = families(table.names)
        shuffling = progress.add_task("shuffling features", total=len(groups) + len(table.names))
        importance = {
            kind: permutation_importance(
                best.only(unbiased),
                shown,
                members,
                recipe.permutations,
                recipe.seed,
                lambda _group: progress.advance(shuffling),
            )
            for kind, members in (("families", groups), ("features", {name: [name] for name in table.names}))
        }
    kept = table.measured
    values = table.values()[kept]
    if without_fold is None:
        model = fit_model(best.name, values, table.truth[kept], table.patients[kept], recipe.seed)
    else:
        model = best.fitted[without_fold]
    exported = export_model(model, recipe, table.names, table.types, values, compared[0], without_fold)
    images = {
        "models.png": draw_comparison(compared, table.types),
        "confusion.png": draw_confusion(compared[0], table.types),
        "importance.png": draw_importance(importance["families"], importance["features"], best.name),
    }
    content = {
        "schema": SCHEMA,
        "recipe": recipe.model_dump(mode="json"),
        "types": list(table.types),
        "features": list(table.names),
        "best": best.name,
        "evaluated_fold": evaluated_fold,
        "models": compared,
        "importance": importance,
        "unreadable": dataset.unreadable,
        "notice": NOTICE,
    }
    report = markdown(recipe, compared, compared[0], table.types, importance, list(images), without_fold)
    save_together(
        folder,
        {
            **images,
            **exported,
            "predictions.csv": _predictions(evaluated, table),
            REPORT_FILE: report.encode(),
            METRICS_FILE: (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        },
    )
    return FeatureRun(folder, best.name, tuple(compared), dataset.unreadable)


def _start(recipe: FeaturesRecipe, folder: Path) -> None:
    """Write the recipe, or check that it matches an earlier one."""
    path = folder / RECIPE_FILE
    if path.exists():
        try:
            earlier = parse_features_recipe(yaml.safe_load(path.read_text()), str(path))
        except (OSError, yaml.YAMLError) as error:
            raise TumorscopeError(f"{path}: cannot be read; name another folder") from error
        if any(getattr(earlier, key) != getattr(recipe, key) for key in ("name", "dataset", "masks", "bins")):
            raise TumorscopeError(f"{folder}: contains another recipe's run; name another folder")
    save_whole(path, yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False).encode())


def _predictions(evaluated: Sequence[Evaluated], table: FeatureTable) -> bytes:
    """Every slice's probabilities by every model, from the fold without its patient."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"{one.name}_{kind}" for one in evaluated for kind in table.types]
    writer.writerow(("case", "patient", "type", "fold", *names))
    for index, row in enumerate(table.rows):
        values = [f"{value:.5f}" for one in evaluated for value in one.probabilities[index]]
        writer.writerow((row.case, row.patient, row.tumor_type, row.fold, *values))
    return text.getvalue().encode()
