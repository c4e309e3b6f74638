"""The table of all experiments, from stored runs.

    python benchmarks/results.py add NAME EVALUATION [--run RUN…] [--note TEXT]   # keep a run's metrics
    python benchmarks/results.py write                                            # docs/results.md

``add`` takes an evaluation's folder (``tumorscope evaluate … -o EVALUATION``, or ``tumorscope pool``) or the
folder of a model on features, and the training's folder, or those of all pooled folds; the stored
metrics are small enough for the repository. ``write`` reads ``results/*.json`` and ``results/notebooks.yaml`` only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
STORE, PAGE = ROOT / "results", ROOT / "docs" / "results.md"
_KEPT = (
    "patient_dice", "tumor_slice_dice", "hd95_px", "empty_slice_false_positive_rate", "presence", "classes",
    "activation",
)  # fmt: skip
_DROPPED = {"coverage", "policy", "failed"}


def store(name: str, evaluation: Path, runs: Sequence[Path], note: str) -> Path:
    """Write ``results/NAME.json``: the evaluated data, the metrics, and the training of the networks."""
    if (evaluation / "metrics.json").exists():
        content = _of_features(json.loads((evaluation / "metrics.json").read_text()))
    else:
        content = _of_evaluation(json.loads((evaluation / "evaluation.json").read_text()))
    if runs:
        recipe = yaml.safe_load((runs[0] / "recipe.yaml").read_text())
        summaries = [json.loads((run / "summary.json").read_text()) for run in runs]
        content["recipe"] = recipe["name"]
        content["training"] = {
            **{key: [summary[key] for summary in summaries] for key in ("epochs", "minutes")},
            "parameters": summaries[0]["parameters"],
            "clahe": recipe["preparation"]["clahe"],
            "first_weights": "ImageNet" if recipe["network"].get("weights") else "scratch",
            "frozen_stages": recipe["network"].get("frozen_stages", 0),
        }
    path = STORE / f"{name}.json"
    path.write_text(json.dumps({"name": name, "note": note, **content}, indent=1, ensure_ascii=False) + "\n")
    return path


def page(runs: list[dict[str, Any]], notebooks: list[dict[str, Any]], ablations: list[dict[str, Any]]) -> str:
    """``docs/results.md``."""
    by_name = {run["name"]: run for run in runs}
    lines = [
        "# Results",
        "",
        "All metrics are from `results/*.json`, the output of `tumorscope evaluate`;",
        "`python benchmarks/results.py write` makes this page from them. In brackets: 95 % intervals by bootstrap over",
        "patients (over images if the patients are unknown). Research use only.",
        "",
        "## The notebooks' experiments",
        "",
        "*As published*: on the split that the author or publisher gives. *By patient*: split by patient, and without",
        "copies of training images. Beside them are the author's result and split, as far as they are known.",
        "",
        "| notebook | recipe | author reports | author's split | as published | by patient |",
        "|---|---|---|---|---|---|",
    ]
    for row in notebooks:
        run = by_name.get(row["recipe"])
        published, by_patient = (kind(run) or "–" if run else "not run yet" for kind in (_published, _by_patient))
        lines.append(
            f"| {row['notebook']}: {row['task']} | `{row['recipe']}` | {row['reported']} | {row['split'] or '–'} "
            f"| {published} | {by_patient} |"
        )
    lines += _ablations(by_name, ablations)
    lines += ["", "## All runs", ""]
    lines += ["| run | evaluated on | metrics | training | note |", "|---|---|---|---|---|"]
    for run in sorted(runs, key=lambda run: run["name"]):
        without = run.get("without_copies")
        metrics = _metrics(run["metrics"]) + (f"; without training data: {_metrics(without)}" if without else "")
        lines.append(f"| {run['name']} | {_evaluated(run)} | {metrics} | {_training(run)} | {run['note'] or '–'} |")
    lines += ["", "*Research use only. Not a medical device; not for diagnosis or treatment.*", ""]
    return "\n".join(lines)


def _ablations(by_name: dict[str, dict[str, Any]], ablations: list[dict[str, Any]]) -> list[str]:
    """One step at a time: the same recipe, split and budget, with it and without."""
    lines = ["", "## One step at a time", ""]
    lines += ["Same recipe and split; only the named step differs.", ""]
    lines += ["| step | run | metrics | training |", "|---|---|---|---|"]
    for ablation in ablations:
        for index, (what, name) in enumerate(ablation["runs"].items()):
            step = ablation["step"] if index == 0 else ""
            run = by_name[name]
            metrics = _by_patient(run) or _metrics(run["metrics"])
            lines.append(f"| {step} | {what} | {metrics} | {_training(run)} |")
    return lines


def _of_evaluation(content: dict[str, Any]) -> dict[str, Any]:
    def kept(metrics: dict[str, Any]) -> dict[str, Any]:
        counts = {key: metrics[key] for key in ("patients", "cases", "slices")}
        return {**counts, **{key: _light(metrics[key]) for key in _KEPT if metrics.get(key) is not None}}

    return {
        "dataset": content["dataset"],
        "part": content["part"],
        "split_hash": content["split_hash"],
        "command": content["command"],
        "precision": content["precision"],
        "metrics": kept(content),
        "without_copies": kept(content["without_copies"]) if content.get("without_copies") else None,
    }


def _of_features(content: dict[str, Any]) -> dict[str, Any]:
    best = content["models"][0]
    metrics = {name: best["metrics"][name] for name in ("accuracy", "balanced_accuracy", "macro_f1")}
    return {
        "recipe": content["recipe"]["name"],
        "dataset": content["recipe"]["dataset"],
        "part": "five folds" if content.get("evaluated_fold") is None else f"fold {content['evaluated_fold']}",
        "split_hash": None,
        "command": f"tumorscope train {content['recipe']['name']} --data PATH -o RUN",
        "precision": best["model"],
        "metrics": {
            "patients": best["patients"],
            "cases": best["slices"],
            "slices": best["slices"],
            "classes": metrics,
        },
        "without_copies": None,
    }


def _light(value: Any) -> Any:
    return {key: item for key, item in value.items() if key not in _DROPPED} if isinstance(value, dict) else value


def _published(run: dict[str, Any]) -> str | None:
    return _metrics(run["metrics"]) if run["dataset"] == "kaggle4" else None


def _by_patient(run: dict[str, Any]) -> str | None:
    if run["dataset"] == "kaggle4":
        return _metrics(run["without_copies"]) if run.get("without_copies") else None
    return _metrics(run["metrics"])


def _metrics(metrics: dict[str, Any]) -> str:
    parts = []
    dice = metrics.get("patient_dice") or metrics.get("tumor_slice_dice")
    if dice and dice["mean"] is not None:
        what = "whole-patient Dice" if metrics.get("patient_dice") else "Dice over slices"
        parts.append(f"{what} {_value(dice, 'mean')}, median {dice['median']:.3f}")
    classes = metrics.get("classes")
    if classes:
        parts.append(f"accuracy {_value(classes['accuracy'])}, macro-F1 {_value(classes['macro_f1'])}")
    elif metrics.get("presence", {}).get("auroc", {}).get("value") is not None and not dice:
        presence = metrics["presence"]
        parts.append(f"accuracy {_value(presence['accuracy'])}, AUROC {_value(presence['auroc'])}")
    return "; ".join(parts) or "–"


def _value(figure: dict[str, Any], key: str = "value") -> str:
    interval = figure.get("ci95")
    return f"{figure[key]:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")


def _evaluated(run: dict[str, Any]) -> str:
    metrics = run["metrics"]
    who = f"{metrics['patients']} patients, " if metrics["patients"] < metrics["slices"] else ""
    return f"{run['dataset']} {run['part']}: {who}{metrics['slices']:,} slices"


def _training(run: dict[str, Any]) -> str:
    training = run.get("training")
    if not training:
        return "–"
    epochs, minutes = _span(training["epochs"]), _span([round(each) for each in training["minutes"]])
    each = f"{len(training['epochs'])} times " if len(training["epochs"]) > 1 else ""
    parts = [f"{each}{epochs} epochs, {minutes} min", training["first_weights"]]
    if training["frozen_stages"]:
        parts.append(f"{training['frozen_stages']} stages frozen")
    if training["clahe"]:
        parts.append("CLAHE")
    return ", ".join(parts)


def _span(values: Sequence[int]) -> str:
    """The value of all, or the smallest and the largest.

    >>> _span([4]), _span([7, 27, 7])
    ('4', '7 to 27')
    """
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def load() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """The stored runs, what the notebooks report, and which runs differ by one step."""
    runs = [json.loads(path.read_text()) for path in sorted(STORE.glob("*.json"))]
    told, steps = (yaml.safe_load((STORE / name).read_text()) for name in ("notebooks.yaml", "ablations.yaml"))
    return runs, told, steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("add")
    adding.add_argument("name")
    adding.add_argument("evaluation", type=Path)
    adding.add_argument("--run", type=Path, nargs="+", default=())
    adding.add_argument("--note", default="")
    commands.add_parser("write")
    given = parser.parse_args()
    if given.command == "add":
        print(f"Saved: {store(given.name, given.evaluation, given.run, given.note)}", file=sys.stderr)
    else:
        PAGE.write_text(page(*load()))
        print(f"Saved: {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()
