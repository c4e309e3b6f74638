"""An evaluation as files: figures for machines, tables for people, plots for both."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tumorscope.evaluation.evaluate import Evaluation, PatientRow, SliceRow, summarize
from tumorscope.evaluation.plots import draw_plots
from tumorscope.files import save_together
from tumorscope.notice import NOTICE

SCHEMA = "tumorscope.evaluation/1"
_SHOWN = 5
_PLOTS = ("dice.png", "roc.png", "reliability.png", "area.png", "bland_altman.png")
_GROUPS = {
    "patient_dice": "Dice of the whole patient",
    "tumor_slice_dice": "Dice on slices with tumour",
    "hd95_px": "HD95, pixels",
}
_PRESENCE = {
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
}


def write_report(
    evaluation: Evaluation,
    folder: Path,
    *,
    split_hash: str | None = None,
    part: str | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Write ``evaluation.json``, ``evaluation.md``, ``patients.csv``, ``slices.csv`` and plots.

    All files appear together or none does.

    Args:
        evaluation: from :func:`tumorscope.evaluation.evaluate_lgg`.
        folder: made if it is not there.
        split_hash: of the split that named the patients.
        part: the split's part that they are.
        command: what a reader types to get the same figures.

    Returns:
        What ``evaluation.json`` holds: where the figures come from, and the figures
        of :func:`tumorscope.evaluation.summarize`.

    Raises:
        TumorscopeError: the folder cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "dataset": evaluation.dataset,
        "part": part,
        "split_hash": split_hash,
        "bundle": {"name": evaluation.bundle, "version": evaluation.version, "sha256": evaluation.sha256},
        "runtime": evaluation.runtime,
        "precision": evaluation.precision,
        "command": command,
        **summarize(evaluation),
        "notice": NOTICE,
    }
    plots = draw_plots(evaluation)
    save_together(
        folder,
        {
            **plots,
            "patients.csv": _csv(PatientRow, evaluation.patients),
            "slices.csv": _csv(SliceRow, evaluation.slices),
            "evaluation.md": markdown(evaluation, content, list(plots)).encode(),
            "evaluation.json": (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        },
        outdated=tuple(name for name in _PLOTS if name not in plots),
    )
    return content


def markdown(evaluation: Evaluation, content: dict[str, Any], plots: Sequence[str] = ()) -> str:
    """The figures as tables, with the worst and the best patients."""
    bundle = content["bundle"]
    where = f"part **{content['part']}** of " if content["part"] else ""
    lines = [
        f"# Evaluation of {bundle['name']} {bundle['version']}",
        "",
        f"{content['patients']} patients, {content['slices']:,} slices: {where}{content['dataset']}"
        + (f", split `{content['split_hash'][:12]}`" if content["split_hash"] else "")
        + f". Bundle `{bundle['sha256'][:12]}`, {content['precision']}, run by {content['runtime']}.",
        "",
    ]
    if content["command"]:
        lines += ["    " + content["command"], ""]
    if any(content[name] for name in _GROUPS):
        lines += ["| segmentation | n | mean | 95 % interval | median | quartiles |", "|---|---|---|---|---|---|"]
        for name, title in _GROUPS.items():
            group = content[name]
            lines.append(
                f"| {title} | {group['n']} | {_number(group['mean'])} | {_interval(group['ci95'])} "
                f"| {_number(group['median'])} | {_interval([group['q1'], group['q3']])} |"
            )
        lines.append("")
    lines += ["| slices | value | 95 % interval |", "|---|---|---|"]
    named = {title: content["presence"][name] for name, title in _PRESENCE.items()}
    if content["empty_slice_false_positive_rate"]:
        named["empty slices with a mask"] = content["empty_slice_false_positive_rate"]
    lines += [f"| {title} | {_number(one['value'])} | {_interval(one['ci95'])} |" for title, one in named.items()]
    (true_negative, false_positive), (false_negative, true_positive) = content["presence"]["confusion"]
    lines += [
        "",
        "| truth \\ said | no tumour | tumour |",
        "|---|---|---|",
        f"| no tumour | {true_negative:,} | {false_positive:,} |",
        f"| tumour | {false_negative:,} | {true_positive:,} |",
        "",
    ]
    judged = sorted((row for row in evaluation.patients if row.dice is not None), key=lambda row: row.dice or 0)
    if judged:
        shown = min(_SHOWN, (len(judged) + 1) // 2)
        lines += _patients("Worst patients", judged[:shown])
        lines += _patients("Best patients", judged[::-1][: min(shown, len(judged) - shown)])
    if evaluation.failed:
        lines += ["## Not judged", "", *(f"- {item.case}: {item.reason}" for item in evaluation.failed), ""]
    lines += [f"![{name.removesuffix('.png').replace('_', ' ')}]({name})" for name in _PLOTS if name in plots]
    return "\n".join([*lines, "", content["policy"], "", f"*{NOTICE}*", ""])


def _patients(title: str, rows: Sequence[PatientRow]) -> list[str]:
    if not rows:
        return []
    return [
        f"## {title}",
        "",
        "| patient | Dice | on tumour slices | HD95 | true px | predicted px | empty slices marked |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row.case} | {_number(row.dice)} | {_number(row.tumor_slice_dice)} | {_number(row.hd95)} "
            f"| {row.true_px:,} | {row.predicted_px or 0:,} | {row.false_positive_slices} |"
            for row in rows
        ),
        "",
    ]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(pair: Sequence[float | None] | None) -> str:
    return "–" if pair is None else " to ".join(_number(value) for value in pair)


def _csv(kind: type[PatientRow] | type[SliceRow], rows: Sequence[PatientRow | SliceRow]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = {name: int(value) if isinstance(value, bool) else value for name, value in asdict(row).items()}
        writer.writerow(
            {name: round(value, 6) if isinstance(value, float) else value for name, value in values.items()}
        )
    return text.getvalue().encode()
