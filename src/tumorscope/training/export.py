"""From a run folder to a bundle: ONNX, eight bits, operating point, metrics."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tumorscope import __version__
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.combined import CombinedDataset
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset, cases_of
from tumorscope.datasets.registry import dataset_entry
from tumorscope.evaluation import choose_operating_point, evaluate, summarize
from tumorscope.evaluation.validation import validation_cases
from tumorscope.inference.bundle import CARD_FILE, SECOND_OPINION_FILES
from tumorscope.inference.bundles import Bundle, Card, Inputs, Model, load_bundle
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.measurement.radiomics_classifier import load_type_model
from tumorscope.preprocessing import prepare, stack_adjacent_slices
from tumorscope.preprocessing.input_check import default_input_check
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.copies import LEFT_OUT_FILE, leave_out
from tumorscope.training.fit import SPLIT_FILE, Run, open_datasets
from tumorscope.training.onnx_files import CALIBRATIONS, export_float, map_names, output_names, quantize
from tumorscope.training.slices import arrange

LARGEST_LOSS = 0.002
"""How much Dice the eight-bit model may lose on validation patients."""
_FLOAT_FILE, _INT8_FILE = "model.onnx", "model.int8.onnx"
_CALIBRATION_SLICES = 128

_LICENSE = "weights: Apache-2.0, as this software"


@dataclass(frozen=True)
class ExportReport:
    """What an export made: the bundle, and :func:`main_metric` of each of its models on the validation patients."""

    bundle: Bundle
    float_metric: float
    int8_metric: float | None
    calibration: str | None


def export(
    run: Run,
    data: Mapping[str, Path],
    folder: Path,
    *,
    name: str | None = None,
    eight_bit: bool = True,
    features: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ExportReport:
    """Write a bundle from a run's best weights.

    The operating point is chosen on the validation patients, and the eight-bit model is
    compared there with the float one through the engine that users run. The test
    patients are looked at once, at the end, for the card.

    Args:
        run: a training's folder.
        data: the folder of each data set it was trained on.
        folder: the bundle's folder; replaced only when everything has succeeded.
        name: the bundle's name, of small letters, digits and hyphens; made from its folder's where absent.
        eight_bit: also make the eight-bit model.
        features: the folder of a model on features, whose second opinion on the type the bundle gets.
        say: told what is being done.

    Raises:
        TumorscopeError: the name has other signs in it; or every calibration of the eight-bit model loses more than
            :data:`LARGEST_LOSS` of Dice, accuracy or AUROC.
        BadBundle: there is no model on features in that folder.
    """
    name = _bundle_name(name, folder)
    if features is not None:
        load_type_model(features)  # what is wrong with it is said before anything is computed
    recipe, split = run.recipe(), run.split()
    dataset = open_datasets(recipe, data)
    parts = {part: cases_of(dataset, split[part]) for part in ("train", "validation", "test")}
    if recipe.leave_out_copies or (run.folder / LEFT_OUT_FILE).exists():
        parts = leave_out(parts, run.folder, copies=recipe.leave_out_copies)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place at the end, it has nothing left to clean up.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True) as place:
        work = Path(place)
        say("writing ONNX")
        network = run.network()
        export_float(network, recipe, work / _FLOAT_FILE)
        card = Card(
            name=name,
            version=__version__,
            title=recipe.title,
            inputs=_inputs(recipe),
            preparation=recipe.preparation,
            outputs=output_names(network),
            classes=recipe.classes,
            maps=map_names(network),
            tta_flip=recipe.tta_flip,
            models=(_model(work / _FLOAT_FILE, "float"),),
            training=_training(run, recipe, {part: len(cases) for part, cases in parts.items()}),
            input_check=input_check_metrics(),
            limits=tuple(limit for name in recipe.datasets for limit in dataset_entry(name).limits),
            licenses=(dataset.license, _LICENSE),
        )
        say("choosing the operating point on the validation patients")
        bundle = _save(card, work)
        engine = load_engine(bundle, "onnxruntime", "float")
        choice = choose_operating_point(list(validation_cases(engine, parts["validation"])))
        calibration = {
            "presence": None if choice.presence is None else choice.presence.as_dict(),
            "classes": choice.classes,
            "slices_of": "validation",
        }
        bundle = _save(card.model_copy(update={"operating_point": choice.point, "calibration": calibration}), work)
        float_metrics = _metrics(load_engine(bundle, "onnxruntime", "float"), dataset, parts["validation"])
        int8_metrics, range_method = None, None
        if eight_bit:
            say("calibrating eight bits on training slices")
            images = calibration_images(parts["train"], recipe)
            bundle, int8_metrics, range_method = _quantize_best(bundle, images, dataset, parts["validation"], say)
            _refuse_loss(float_metrics, int8_metrics)
        say("evaluating on the test patients")
        metrics: dict[str, Any] = {
            "split_hash": split.hash,
            "validation": {"float": float_metrics, "int8": int8_metrics, "calibration": range_method},
            "test": {
                model.precision: _metrics(load_engine(bundle, "onnxruntime", model.precision), dataset, parts["test"])
                for model in bundle.card.models
            },
        }
        bundle = _save(bundle.card.model_copy(update={"metrics": metrics}), work)
        shutil.copy(run.folder / SPLIT_FILE, work / SPLIT_FILE)
        if (run.folder / LEFT_OUT_FILE).exists():
            shutil.copy(run.folder / LEFT_OUT_FILE, work / LEFT_OUT_FILE)
        if features is not None:
            for file in SECOND_OPINION_FILES:
                shutil.copy(features / file, work / file)
        work.chmod(0o755)  # temporary folders are private
        old = work.with_name(f"{work.name}-old")
        if folder.exists():
            folder.rename(old)
        work.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    return ExportReport(
        load_bundle(folder),
        main_metric(float_metrics),
        None if int8_metrics is None else main_metric(int8_metrics),
        range_method,
    )


def calibration_images(cases: Sequence[LabeledCase], recipe: Recipe) -> np.ndarray:
    """A spread of training slices as the network sees them, half of them with tumor where there are both."""
    chance = np.random.default_rng(0)
    cases = [cases[place] for place in chance.permutation(len(cases))[:_CALIBRATION_SLICES]]
    each = max(1, _CALIBRATION_SLICES // (2 * len(cases)))
    images = []
    for case in cases:
        prepared = prepare(arrange(case.scan(), recipe.sequences), recipe.preparation).images
        present = case.truth().present
        present = np.ones(len(prepared), bool) if present is None else present
        for group in (np.flatnonzero(present), np.flatnonzero(~present)):
            chosen = chance.permutation(group)[:each]
            if len(chosen):
                images.append(stack_adjacent_slices(prepared, chosen, recipe.preparation.adjacent_slices))
    return np.concatenate(images)


def input_check_metrics() -> dict[str, Any]:
    """The input input_check's threshold and how often it errs, for the card."""
    input_check = default_input_check()
    rates = ("rejected_mri", "rejected_scans", "accepted", "accepted_known")
    return {
        "threshold": input_check.threshold,
        **{name: {group: str(rate) for group, rate in getattr(input_check, name).items()} for name in rates},
        "notes": list(input_check.notes),
    }


def main_metric(metrics: dict[str, Any]) -> float:
    """The one figure that eight bits must keep: Dice, or accuracy of the class, or AUROC of presence.

    Where a network segmentations and names, the mean of Dice and accuracy; of several data sets the
    mean over those.
    """
    if "patients" not in metrics:
        return float(np.mean([main_metric(own) for own in metrics.values()]))
    dice, classes = metrics.get("patient_dice") or metrics.get("tumor_slice_dice"), metrics.get("classes")
    found = [float(dice["mean"])] if dice and dice["mean"] is not None else []
    if classes:
        found.append(float(classes["accuracy"]["value"]))
    return float(np.mean(found)) if found else float(metrics["presence"]["auroc"]["value"])


def _bundle_name(name: str | None, folder: Path) -> str:
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "bundle"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise TumorscopeError(f"--name {name}: use small letters, digits and hyphens")
    return name


def _quantize_best(
    bundle: Bundle,
    images: np.ndarray,
    dataset: LabeledDataset,
    cases: Sequence[LabeledCase],
    say: Callable[[str], None],
) -> tuple[Bundle, dict[str, Any], str]:
    """Try each calibration, keep the one that is best on validation patients."""
    best: tuple[float, bytes, dict[str, Any], str] | None = None
    path = bundle.folder / _INT8_FILE
    for calibration in CALIBRATIONS:
        quantize(bundle.folder / _FLOAT_FILE, images, path, calibration)
        card = bundle.card.model_copy(update={"models": (bundle.card.models[0], _model(path, "int8"))})
        metrics = _metrics(load_engine(_save(card, bundle.folder), "onnxruntime", "int8"), dataset, cases)
        say(f"eight bits calibrated by {calibration}: validation {main_metric(metrics):.4f}")
        if best is None or main_metric(metrics) > best[0]:
            best = (main_metric(metrics), path.read_bytes(), metrics, calibration)
    assert best is not None
    path.write_bytes(best[1])
    card = bundle.card.model_copy(update={"models": (bundle.card.models[0], _model(path, "int8"))})
    return _save(card, bundle.folder), best[2], best[3]


def _refuse_loss(float_metrics: dict[str, Any], int8_metrics: dict[str, Any]) -> None:
    before, after = main_metric(float_metrics), main_metric(int8_metrics)
    if before - after > LARGEST_LOSS:
        raise TumorscopeError(
            f"the eight-bit model reaches {after:.4f} on validation patients, the float model {before:.4f}: "
            f"more than {LARGEST_LOSS} is lost; nothing was exported (--float-only leaves eight bits out)"
        )


def _metrics(engine: Engine, dataset: LabeledDataset, cases: Sequence[LabeledCase]) -> dict[str, Any]:
    """The metrics of an evaluation; of several data sets those of each, by name."""
    if not isinstance(dataset, CombinedDataset):
        return summarize(evaluate(dataset, cases, engine))
    own = {name: [case for case in cases if case.case.startswith(f"{name}/")] for name in dataset.datasets}
    return {name: summarize(evaluate(dataset.datasets[name], own[name], engine)) for name in own if own[name]}


def _inputs(recipe: Recipe) -> Inputs:
    """What may stand in: FLAIR for a missing T1, and for a network of single slices any sequence."""
    if len(recipe.sequences) == 1:
        (wanted,) = recipe.sequences
        others = tuple(name for name in ("t1c", "t1", "flair", "t2", "unknown") if name != wanted)
        return Inputs(sequences=recipe.sequences, substitutes={wanted: others}, planes=recipe.planes)
    substitutes = {name: ("flair",) for name in recipe.sequences if name != "flair"}
    substitutes = substitutes if "flair" in recipe.sequences else {}
    return Inputs(sequences=recipe.sequences, substitutes=substitutes, planes=recipe.planes)


def _model(path: Path, precision: Literal["float", "int8"]) -> Model:
    return Model(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), precision=precision)


def _save(card: Card, folder: Path) -> Bundle:
    (folder / CARD_FILE).write_text(json.dumps(card.model_dump(mode="json", by_alias=True), indent=1) + "\n")
    return Bundle(folder, card)


def _training(run: Run, recipe: Recipe, cases: dict[str, int]) -> dict[str, Any]:
    return {"recipe": recipe.name, "dataset": "+".join(recipe.datasets), "cases": cases, **run.summary()}
