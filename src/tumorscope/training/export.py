"""From a run folder to a bundle: ONNX, eight bits, operating point, figures."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tumorscope import __version__
from tumorscope.bundles import Bundle, Card, Inputs, Model, load_bundle
from tumorscope.bundles.bundle import CARD_FILE
from tumorscope.datasets.lgg import LICENCE, LggDataset, LggPatient
from tumorscope.engine import Engine, load_engine
from tumorscope.errors import TumorscopeError
from tumorscope.evaluation.evaluate import evaluate_lgg, summarize
from tumorscope.evaluation.operating import ValidationCase, choose_operating_point
from tumorscope.preparing import prepare, with_neighbours
from tumorscope.recipe import Recipe
from tumorscope.training.fit import SPLIT_FILE, SUMMARY_FILE, Run
from tumorscope.training.onnx_files import CALIBRATIONS, export_float, output_names, quantize

LARGEST_LOSS = 0.002
"""How much Dice the eight-bit model may lose on validation patients."""
_FLOAT_FILE, _INT8_FILE = "model.onnx", "model.int8.onnx"
_CALIBRATION_SLICES = 128

LIMITS = (
    "trained on one collection, of adults with lower-grade glioma; other scanners, ages and tumours were not seen",
    "the mask outlines the FLAIR abnormality of lower-grade glioma, not the enhancing part",
    "every training patient had a tumour: how often a healthy scan raises a false alarm is not known",
)


@dataclass(frozen=True)
class ExportReport:
    """What an export made: the bundle and what was measured on the way."""

    bundle: Bundle
    float_dice: float
    int8_dice: float | None
    calibration: str | None


def export(
    run: Run,
    data: Path,
    folder: Path,
    *,
    name: str | None = None,
    eight_bit: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> ExportReport:
    """Write a bundle from a run's best weights.

    The operating point is chosen on the validation patients, and the eight-bit model is
    compared there with the float one through the engine that users run. The test
    patients are looked at once, at the end, for the card.

    Args:
        run: a training's folder.
        data: the data set it was trained on.
        folder: the bundle's folder; replaced only when everything has succeeded.
        name: the bundle's name, of small letters, digits and hyphens; made from its folder's where absent.
        eight_bit: also make the eight-bit model.
        say: told what is being done.

    Raises:
        TumorscopeError: the name has other signs in it; or every calibration of the eight-bit model loses more than
            :data:`LARGEST_LOSS` of mean whole-patient Dice.
    """
    name = _bundle_name(name, folder)
    recipe, split = run.recipe(), run.split()
    dataset = LggDataset.open(data)
    parts = {part: [dataset[case] for case in split[part]] for part in ("train", "validation", "test")}
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
            flip_average=recipe.flip_average,
            models=(_model(work / _FLOAT_FILE, "float"),),
            training=_training(run, recipe, {part: len(patients) for part, patients in parts.items()}),
            limits=LIMITS,
            licences=(LICENCE, "weights: Apache-2.0, as this software"),
        )
        say("choosing the operating point on the validation patients")
        bundle = _save(card, work)
        engine = load_engine(bundle, "onnxruntime", "float")
        choice = choose_operating_point(list(_answers(engine, parts["validation"])))
        bundle = _save(card.model_copy(update={"operating_point": choice.point}), work)
        float_figures = _figures(load_engine(bundle, "onnxruntime", "float"), dataset, split["validation"])
        int8_figures, calibration = None, None
        if eight_bit:
            say("calibrating eight bits on training slices")
            pictures = calibration_pictures(parts["train"], recipe)
            bundle, int8_figures, calibration = _quantize_best(bundle, pictures, dataset, split["validation"], say)
            _refuse_loss(float_figures, int8_figures)
        say("evaluating on the test patients")
        figures: dict[str, Any] = {
            "split_hash": split.hash,
            "validation": {"float": float_figures, "int8": int8_figures, "calibration": calibration},
            "test": {
                model.precision: _figures(load_engine(bundle, "onnxruntime", model.precision), dataset, split["test"])
                for model in bundle.card.models
            },
        }
        bundle = _save(bundle.card.model_copy(update={"figures": figures}), work)
        shutil.copy(run.folder / SPLIT_FILE, work / SPLIT_FILE)
        work.chmod(0o755)  # temporary folders are private
        old = work.with_name(f"{work.name}-old")
        if folder.exists():
            folder.rename(old)
        work.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    return ExportReport(
        load_bundle(folder),
        _dice(float_figures),
        None if int8_figures is None else _dice(int8_figures),
        calibration,
    )


def calibration_pictures(patients: Sequence[LggPatient], recipe: Recipe) -> np.ndarray:
    """A spread of training slices as the network sees them, half of them with tumour."""
    chance = np.random.default_rng(0)
    each = max(1, _CALIBRATION_SLICES // (2 * len(patients)))
    pictures = []
    for patient in patients:
        prepared = prepare(patient.scan().voxels, recipe.preparation).pictures
        present = patient.mask.any(axis=(1, 2))
        for group in (np.flatnonzero(present), np.flatnonzero(~present)):
            chosen = chance.permutation(group)[:each]
            if len(chosen):
                pictures.append(with_neighbours(prepared, chosen, recipe.preparation.context))
    return np.concatenate(pictures)


def _bundle_name(name: str | None, folder: Path) -> str:
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "bundle"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise TumorscopeError(f"--name {name}: use small letters, digits and hyphens")
    return name


def _quantize_best(
    bundle: Bundle, pictures: np.ndarray, dataset: LggDataset, cases: Sequence[str], say: Callable[[str], None]
) -> tuple[Bundle, dict[str, Any], str]:
    """Try each calibration, keep the one with the best Dice on validation patients."""
    best: tuple[float, bytes, dict[str, Any], str] | None = None
    path = bundle.folder / _INT8_FILE
    for calibration in CALIBRATIONS:
        quantize(bundle.folder / _FLOAT_FILE, pictures, path, calibration)
        card = bundle.card.model_copy(update={"models": (bundle.card.models[0], _model(path, "int8"))})
        figures = _figures(load_engine(_save(card, bundle.folder), "onnxruntime", "int8"), dataset, cases)
        say(f"eight bits calibrated by {calibration}: validation Dice {_dice(figures):.4f}")
        if best is None or _dice(figures) > best[0]:
            best = (_dice(figures), path.read_bytes(), figures, calibration)
    assert best is not None
    path.write_bytes(best[1])
    card = bundle.card.model_copy(update={"models": (bundle.card.models[0], _model(path, "int8"))})
    return _save(card, bundle.folder), best[2], best[3]


def _refuse_loss(float_figures: dict[str, Any], int8_figures: dict[str, Any]) -> None:
    before, after = _dice(float_figures), _dice(int8_figures)
    if before - after > LARGEST_LOSS:
        raise TumorscopeError(
            f"the eight-bit model's Dice is {after:.4f} on validation patients, the float model's {before:.4f}: "
            f"more than {LARGEST_LOSS} is lost; nothing was exported (--float-only leaves eight bits out)"
        )


def _answers(engine: Engine, patients: Sequence[LggPatient]) -> Iterator[ValidationCase]:
    for patient in patients:
        prepared = prepare(patient.scan().voxels, engine.bundle.card.preparation)
        answers = engine.run(prepared.pictures)
        truth = prepared.framing.apply(patient.mask) >= 0.5
        present = np.asarray(patient.mask.any(axis=(1, 2)))
        yield ValidationCase(answers.presence, answers.mask, truth, present, patient.case)


def _figures(engine: Engine, dataset: LggDataset, cases: Sequence[str]) -> dict[str, Any]:
    return summarize(evaluate_lgg(dataset, cases, engine))


def _dice(figures: dict[str, Any]) -> float:
    """Mean whole-patient Dice, or AUROC for a bundle that draws no mask."""
    dice = figures.get("patient_dice")
    return float(dice["mean"] if dice else figures["presence"]["auroc"]["value"])


def _inputs(recipe: Recipe) -> Inputs:
    stands_in = {name: "flair" for name in recipe.sequences if name != "flair"} if "flair" in recipe.sequences else {}
    return Inputs(sequences=recipe.sequences, stands_in=stands_in)


def _model(path: Path, precision: Literal["float", "int8"]) -> Model:
    return Model(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), precision=precision)


def _save(card: Card, folder: Path) -> Bundle:
    (folder / CARD_FILE).write_text(json.dumps(card.model_dump(mode="json", by_alias=True), indent=1) + "\n")
    return Bundle(folder, card)


def _training(run: Run, recipe: Recipe, patients: dict[str, int]) -> dict[str, Any]:
    summary = json.loads((run.folder / SUMMARY_FILE).read_text()) if (run.folder / SUMMARY_FILE).exists() else {}
    return {"recipe": recipe.name, "dataset": recipe.dataset, "patients": patients, **summary}
