"""Export of a run to a bundle: ONNX, int8, operating point, metrics."""

from __future__ import annotations

import hashlib
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
from tumorscope.datasets.combined import CombinedDataset, by_dataset
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset, cases_of
from tumorscope.datasets.own_options import PATIENTS_FILE
from tumorscope.datasets.registry import dataset_entry
from tumorscope.datasets.training_view import known_presence, training_view
from tumorscope.evaluation import choose_operating_point, evaluate, summarize
from tumorscope.evaluation.flip_gain import measure_flips
from tumorscope.evaluation.validation import validation_cases
from tumorscope.inference.bundle import RADIOMICS_FILES, save_card
from tumorscope.inference.bundles import Bundle, Card, Inputs, Model, load_bundle
from tumorscope.inference.engine import Engine, load_engine
from tumorscope.measurement.radiomics_classifier import load_radiomics_classifier
from tumorscope.preprocessing import prepare, stack_adjacent_slices
from tumorscope.preprocessing.input_check import default_input_check
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.averaging import average_weights
from tumorscope.training.copies import LEFT_OUT_FILE, leave_out
from tumorscope.training.onnx_files import CALIBRATIONS, export_float, map_names, output_names, quantize
from tumorscope.training.run import SPLIT_FILE, Run, open_datasets
from tumorscope.training.slices import arrange

LARGEST_LOSS = 0.002
"""Largest loss of Dice of the int8 model on the validation patients."""
_FLOAT_FILE, _INT8_FILE = "model.onnx", "model.int8.onnx"
_CALIBRATION_SLICES = 128

_LICENSE = "weights: Apache-2.0, as this software"


@dataclass(frozen=True)
class ExportReport:
    """An exported bundle and the :func:`main_metric` of each of its models on the validation patients.

    ``metric`` names it.
    """

    bundle: Bundle
    metric: str
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
    average_with: Bundle | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> ExportReport:
    """Write a bundle from a run's best weights.

    The operating point is chosen on the validation patients, where the int8 model is also
    compared with the float model, through the same engine as in inference. The test
    patients are evaluated once, at the end, for the model card.

    Args:
        run: a training's folder.
        data: the folder of each data set it was trained on.
        folder: the bundle's folder; replaced only after everything has succeeded.
        name: the bundle's name, of lower-case letters, digits and hyphens; None derives it from the folder.
        eight_bit: whether to add an int8 model.
        features: the folder of a radiomics classifier to add to the bundle.
        average_with: the bundle that the training started from; the new one gets the mean of both networks' weights.
        log: called with a line about each step.

    Raises:
        TumorscopeError: the name has other characters; or every calibration of the int8 model loses more than
            :data:`LARGEST_LOSS` of Dice, accuracy or AUROC.
        BadBundle: there is no radiomics classifier in that folder, or ``average_with`` is another network.
    """
    name = _bundle_name(name, folder)
    if features is not None:
        load_radiomics_classifier(features)  # fails before the long computation
    recipe, split = run.recipe(), run.split()
    dataset = open_datasets(recipe, data, run.patients)
    parts = {part: cases_of(dataset, split[part]) for part in ("train", "validation", "test")}
    if recipe.leave_out_copies or (run.folder / LEFT_OUT_FILE).exists():
        parts = leave_out(parts, run.folder, copies=recipe.leave_out_copies)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # At the end the folder is renamed, so that nothing is left to clean up.
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True
    ) as staging:
        work = Path(staging)
        log("writing ONNX")
        card = _write_network(run, dataset, work, name, {part: len(own) for part, own in parts.items()}, average_with)
        log("choosing the operating point on the validation patients")
        bundle = _with_operating_point(save_card(card, work), parts["validation"])
        float_metrics = _metrics(load_engine(bundle, "onnxruntime", "float"), dataset, parts["validation"])
        int8_metrics, range_method = None, None
        if eight_bit:
            log("calibrating int8 on training slices")
            images = calibration_images(parts["train"], recipe)
            bundle, int8_metrics, range_method = _quantize_best(bundle, images, dataset, parts["validation"], log)
            _refuse_loss(float_metrics, int8_metrics)
        log("measuring cost and gain of test-time flips on the validation patients")
        engine = load_engine(bundle, "onnxruntime", bundle.card.models[-1].precision)
        flips = measure_flips(engine, [*by_dataset(dataset, parts["validation"]).values()], "validation")
        log("evaluating on the test patients")
        metrics: dict[str, Any] = {
            "split_hash": split.hash,
            "validation": {"float": float_metrics, "int8": int8_metrics, "calibration": range_method},
            "test": {
                model.precision: _metrics(load_engine(bundle, "onnxruntime", model.precision), dataset, parts["test"])
                for model in bundle.card.models
            },
        }
        save_card(bundle.card.model_copy(update={"metrics": metrics, "test_time_flips": flips}), work)
        _add_files(run, features, work)
        _publish(work, folder)
    return ExportReport(
        load_bundle(folder),
        main_metric_title(float_metrics),
        main_metric(float_metrics),
        None if int8_metrics is None else main_metric(int8_metrics),
        range_method,
    )


def _write_network(
    run: Run, dataset: LabeledDataset, work: Path, name: str, cases: dict[str, int], average_with: Bundle | None
) -> Card:
    """Write the float model, and return a card without operating point and metrics."""
    network, recipe = run.network(), run.recipe()
    export_float(network, recipe, work / _FLOAT_FILE)
    training = _training(run, recipe, cases)
    if average_with is not None:
        average_weights(work / _FLOAT_FILE, average_with.read_model(average_with.card.models[0]))
        training["averaged_with"] = f"{average_with.name} {average_with.sha256[:12]}"
    return Card(
        name=name,
        version=__version__,
        title=recipe.title,
        inputs=_inputs(recipe),
        preparation=recipe.preparation,
        outputs=output_names(network),
        classes=recipe.classes,
        compartments=recipe.compartments if "mask" in output_names(network) else (),
        maps=map_names(network),
        tta_flip=recipe.tta_flip,
        models=(_model(work / _FLOAT_FILE, "float"),),
        training=training,
        input_check=input_check_metrics(),
        limits=tuple(limit for name in recipe.datasets for limit in dataset_entry(name).limits),
        licenses=(dataset.license, _LICENSE),
    )


def _with_operating_point(bundle: Bundle, cases: Sequence[LabeledCase]) -> Bundle:
    """The same bundle with thresholds and calibration chosen on the validation patients."""
    engine = load_engine(bundle, "onnxruntime", "float")
    choice = choose_operating_point(list(validation_cases(engine, cases)), compartments=bundle.card.compartments)
    calibration = {
        "presence": None if choice.presence is None else choice.presence.as_dict(),
        "classes": choice.classes,
        "slices_of": "validation",
    }
    card = bundle.card.model_copy(update={"operating_point": choice.point, "calibration": calibration})
    return save_card(card, bundle.folder)


def _add_files(run: Run, features: Path | None, work: Path) -> None:
    """Add whose data the network learned from, and the radiomics classifier."""
    shutil.copy(run.folder / SPLIT_FILE, work / SPLIT_FILE)
    if run.patients is not None:
        shutil.copy(run.patients, work / PATIENTS_FILE)
    if (run.folder / LEFT_OUT_FILE).exists():
        shutil.copy(run.folder / LEFT_OUT_FILE, work / LEFT_OUT_FILE)
    if features is not None:
        for file in RADIOMICS_FILES:
            shutil.copy(features / file, work / file)


def _publish(work: Path, folder: Path) -> None:
    """Replace the bundle's folder by the finished one."""
    work.chmod(0o755)  # temporary folders are private
    old = work.with_name(f"{work.name}-old")
    if folder.exists():
        folder.rename(old)
    work.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def calibration_images(cases: Sequence[LabeledCase], recipe: Recipe) -> np.ndarray:
    """Prepared training slices for int8 calibration, half of them with tumor if there are both kinds."""
    chance = np.random.default_rng(0)
    cases = [cases[index] for index in chance.permutation(len(cases))[:_CALIBRATION_SLICES]]
    each = max(1, _CALIBRATION_SLICES // (2 * len(cases)))
    images = []
    for case in cases:
        scan, truth = case.scan(), case.truth()
        view = training_view(scan, recipe.preparation.slice_distance_mm)
        voxels = view.forward(arrange(scan, recipe.sequences))
        prepared = prepare(voxels, recipe.preparation, view.pixel_aspect).images
        present = known_presence(truth, None if truth.mask is None else view.forward(truth.mask))
        present = np.ones(len(prepared), bool) if present is None else present
        for group in (np.flatnonzero(present), np.flatnonzero(~present)):
            chosen = chance.permutation(group)[:each]
            if len(chosen):
                images.append(stack_adjacent_slices(prepared, chosen, recipe.preparation.adjacent_slices))
    return np.concatenate(images)


def input_check_metrics() -> dict[str, Any]:
    """The input check's threshold and error rates, for the model card."""
    input_check = default_input_check()
    rates = ("rejected_mri", "refused_mri", "rejected_scans", "accepted", "accepted_known", "refused", "refused_known")
    return {
        "threshold": input_check.threshold,
        "refusal": round(input_check.refusal, 3),
        **{name: {group: str(rate) for group, rate in getattr(input_check, name).items()} for name in rates},
        "notes": list(input_check.notes),
    }


def main_metric(metrics: dict[str, Any]) -> float:
    """The metric that int8 must preserve: Dice, accuracy of the class, or AUROC of presence.

    For a network with mask and class it is the mean of Dice and accuracy; for several data sets, the
    mean over the data sets; for several compartments, Dice is the mean over them.
    """
    if "patients" not in metrics:
        return float(np.mean([main_metric(own) for own in metrics.values()]))
    dice, classes = metrics.get("patient_dice") or metrics.get("tumor_slice_dice"), metrics.get("classes")
    every = [dice, *(own["patient_dice"] for own in (metrics.get("compartments") or {}).values())]
    means = [float(each["mean"]) for each in every if each and each["mean"] is not None]
    values = [float(np.mean(means))] if means else []
    if classes:
        values.append(float(classes["accuracy"]["value"]))
    return float(np.mean(values)) if values else float(metrics["presence"]["auroc"]["value"])


def main_metric_title(metrics: dict[str, Any]) -> str:
    """What :func:`main_metric` is of these metrics, in words.

    >>> main_metric_title({"patients": 3, "patient_dice": {"mean": 0.8}})
    'mean Dice'
    """
    if "patients" not in metrics:
        titles = dict.fromkeys(main_metric_title(own) for own in metrics.values())
        return f"{' and '.join(titles)} over {len(metrics)} data sets"
    dice = any((metrics.get(name) or {}).get("mean") is not None for name in ("patient_dice", "tumor_slice_dice"))
    named = [*(["mean Dice"] if dice else []), *(["accuracy of the class"] if metrics.get("classes") else [])]
    return f"mean of {' and '.join(named)}" if len(named) > 1 else named[0] if named else "AUROC of presence"


def _bundle_name(name: str | None, folder: Path) -> str:
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "bundle"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise TumorscopeError(f"--name {name}: use lower-case letters, digits and hyphens")
    return name


def _quantize_best(
    bundle: Bundle,
    images: np.ndarray,
    dataset: LabeledDataset,
    cases: Sequence[LabeledCase],
    log: Callable[[str], None],
) -> tuple[Bundle, dict[str, Any], str]:
    """Quantize with each calibration method and keep the best one on the validation patients."""
    best: tuple[float, bytes, dict[str, Any], str] | None = None
    path = bundle.folder / _INT8_FILE
    for calibration in CALIBRATIONS:
        quantize(bundle.folder / _FLOAT_FILE, images, path, calibration)
        card = bundle.card.model_copy(update={"models": (bundle.card.models[0], _model(path, "int8"))})
        metrics = _metrics(load_engine(save_card(card, bundle.folder), "onnxruntime", "int8"), dataset, cases)
        log(f"int8 calibrated by {calibration}: validation {main_metric(metrics):.4f}")
        if best is None or main_metric(metrics) > best[0]:
            best = (main_metric(metrics), path.read_bytes(), metrics, calibration)
    assert best is not None
    path.write_bytes(best[1])
    card = bundle.card.model_copy(update={"models": (bundle.card.models[0], _model(path, "int8"))})
    return save_card(card, bundle.folder), best[2], best[3]


def _refuse_loss(float_metrics: dict[str, Any], int8_metrics: dict[str, Any]) -> None:
    before, after = main_metric(float_metrics), main_metric(int8_metrics)
    if before - after > LARGEST_LOSS:
        raise TumorscopeError(
            f"the int8 model reaches {after:.4f} on validation patients, the float model {before:.4f}: "
            f"more than {LARGEST_LOSS} is lost; nothing was exported (--float-only omits the int8 model)"
        )


def _metrics(engine: Engine, dataset: LabeledDataset, cases: Sequence[LabeledCase]) -> dict[str, Any]:
    """The metrics of an evaluation; of several data sets those of each, by name."""
    found = {name: summarize(evaluate(*own, engine)) for name, own in by_dataset(dataset, cases).items()}
    return found if isinstance(dataset, CombinedDataset) else found[dataset.name]


def _inputs(recipe: Recipe) -> Inputs:
    """The inputs with their substitutes: FLAIR for a missing T1, and any sequence for a network of single slices."""
    if len(recipe.sequences) == 1:
        (wanted,) = recipe.sequences
        others = tuple(name for name in ("t1c", "t1", "flair", "t2", "unknown") if name != wanted)
        return Inputs(sequences=recipe.sequences, substitutes={wanted: others}, planes=recipe.planes)
    substitutes = {name: ("flair",) for name in recipe.sequences if name != "flair"}
    substitutes = substitutes if "flair" in recipe.sequences else {}
    return Inputs(sequences=recipe.sequences, substitutes=substitutes, planes=recipe.planes)


def _model(path: Path, precision: Literal["float", "int8"]) -> Model:
    return Model(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), precision=precision)


def _training(run: Run, recipe: Recipe, cases: dict[str, int]) -> dict[str, Any]:
    labels = {} if recipe.labels is None else {"labels": recipe.labels}
    stated = {"recipe": recipe.name, "dataset": "+".join(recipe.datasets), **labels, "cases": cases}
    return {**stated, **run.summary()}
