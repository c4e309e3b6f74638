"""Export of a run to a bundle: ONNX, int8, operating point, metrics."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tumorscope import __version__
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset, cases_of
from tumorscope.datasets.own_options import PATIENTS_FILE
from tumorscope.datasets.registry import dataset_entry
from tumorscope.evaluation import choose_operating_point
from tumorscope.evaluation.validation import validation_cases
from tumorscope.inference.bundle import RADIOMICS_FILES, save_card
from tumorscope.inference.bundles import Bundle, Card, Inputs, load_bundle
from tumorscope.inference.engine import load_engine
from tumorscope.measurement.radiomics_classifier import load_radiomics_classifier
from tumorscope.preprocessing.input_check import default_input_check
from tumorscope.recipes.experiment import Recipe
from tumorscope.training.assessment import AssessedBundle, assess
from tumorscope.training.averaging import average_weights
from tumorscope.training.copies import LEFT_OUT_FILE, leave_out
from tumorscope.training.eight_bits import FLOAT_FILE, model_entry
from tumorscope.training.onnx_files import export_float, map_names, output_names
from tumorscope.training.run import SPLIT_FILE, Run, open_datasets

_LICENSE = "weights: Apache-2.0, as this software"


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
) -> AssessedBundle:
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
            :data:`~tumorscope.training.eight_bits.LARGEST_LOSS` of Dice, accuracy or AUROC.
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
        card = write_network(run, dataset, work, name, {part: len(own) for part, own in parts.items()}, average_with)
        log("choosing the operating point on the validation patients")
        bundle = _with_operating_point(save_card(card, work), parts["validation"])
        assessed = assess(bundle, dataset, parts, split.hash, eight_bit=eight_bit, log=log)
        _add_files(run, features, work)
        publish(work, folder)
    return replace(assessed, bundle=load_bundle(folder))


def write_network(
    run: Run, dataset: LabeledDataset, work: Path, name: str, cases: dict[str, int], average_with: Bundle | None
) -> Card:
    """Write the float model, and return a card without operating point and metrics."""
    network, recipe = run.network(), run.recipe()
    export_float(network, recipe, work / FLOAT_FILE)
    training = _training(run, recipe, cases)
    if average_with is not None:
        average_weights(work / FLOAT_FILE, average_with.read_model(average_with.card.models[0]))
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
        models=(model_entry(work / FLOAT_FILE, "float"),),
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


def publish(work: Path, folder: Path) -> None:
    """Replace the bundle's folder by the finished one."""
    work.chmod(0o755)  # temporary folders are private
    old = work.with_name(f"{work.name}-old")
    if folder.exists():
        folder.rename(old)
    work.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


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


def _bundle_name(name: str | None, folder: Path) -> str:
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "bundle"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise TumorscopeError(f"--name {name}: use lower-case letters, digits and hyphens")
    return name


def _inputs(recipe: Recipe) -> Inputs:
    """The inputs with their substitutes: FLAIR for a missing T1, and any sequence for a network of single slices."""
    if len(recipe.sequences) == 1:
        (wanted,) = recipe.sequences
        others = tuple(name for name in ("t1c", "t1", "flair", "t2", "unknown") if name != wanted)
        return Inputs(sequences=recipe.sequences, substitutes={wanted: others}, planes=recipe.planes)
    substitutes = {name: ("flair",) for name in recipe.sequences if name != "flair"}
    substitutes = substitutes if "flair" in recipe.sequences else {}
    return Inputs(sequences=recipe.sequences, substitutes=substitutes, planes=recipe.planes)


def _training(run: Run, recipe: Recipe, cases: dict[str, int]) -> dict[str, Any]:
    labels = {} if recipe.labels is None else {"labels": recipe.labels}
    stated = {"recipe": recipe.name, "dataset": "+".join(recipe.datasets), **labels, "cases": cases}
    return {**stated, **run.summary()}
