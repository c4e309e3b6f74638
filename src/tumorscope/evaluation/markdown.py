"""An evaluation as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tumorscope.core.notice import NOTICE
from tumorscope.evaluation.class_plots import predicted_and_right
from tumorscope.evaluation.metric_list import (
    CLASSES,
    OF_CLASS,
    PRESENCE,
    SPREADS,
    Metric,
    informative_presence,
    interval,
    list_metrics,
    number,
)
from tumorscope.evaluation.rows import CaseRow, Evaluation

_SHOWN = 5


def markdown(evaluation: Evaluation, content: dict[str, Any], plots: Sequence[str] = ()) -> str:
    """The defined metrics as tables, the worst and the best cases, and the plots.

    Args:
        evaluation: the rows behind the metrics.
        content: of ``evaluation.json``.
        plots: names of the files to show.
    """
    lines = [
        *_origin(content),
        *_copies(content),
        *_classes(content["classes"]),
        *_segmentation(content),
        *_presence(content["presence"]),
        *_activation(content),
        *_extremes(evaluation),
        *_errors(evaluation),
    ]
    if evaluation.failed:
        lines += ["## Not evaluated", "", *(f"- {item.case}: {item.reason}" for item in evaluation.failed), ""]
    lines += [f"![{name.removesuffix('.png').replace('_', ' ')}]({name})" for name in plots]
    return "\n".join([*lines, "", content["policy"], "", f"*{NOTICE}*", ""])


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table and an empty line; nothing without rows."""
    body = [_line(row) for row in rows]
    return [_line(header), "|" + "---|" * len(header), *body, ""] if body else []


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _origin(content: dict[str, Any]) -> list[str]:
    bundle, patients, cases = content["bundle"], content["patients"], content["cases"]
    counted = f"{cases:,} cases" if patients == cases else f"{cases:,} cases of {patients:,} patients"
    where = f"part **{content['part']}** of " if content["part"] else ""
    split = f", split `{content['split_hash'][:12]}`" if content["split_hash"] else ""
    folder = f" in the folder `{bundle['folder']}`" if "folder" in bundle else ""
    lines = [
        f"# Evaluation of {bundle['name']} {bundle['version']}",
        "",
        f"{counted}, {content['slices']:,} slices: {where}{content['dataset']}{split}. "
        f"Bundle `{bundle['sha256'][:12]}`{folder}, {content['precision']}, run by {content['runtime']}"
        f"{', averaged over flips' if content['flips'] else ''}.",
        "",
    ]
    lines += ["    " + content["command"], ""] if content["command"] else []
    folds = [
        (f"{fold['bundle']['name']} `{fold['bundle']['sha256'][:12]}`", fold["part"] or "–", f"{fold['cases']:,}")
        for fold in content.get("pooled", ())
    ]
    return lines + table(("pooled from", "part", "cases"), folds)


def _copies(content: dict[str, Any]) -> list[str]:
    if not content["copies"]:
        return []
    found, of = len(content["copies"]), content["cases"]
    lines = [
        f"{found:,} of the {of:,} cases are near-copies of training images, or show a person in the training set.",
        "",
    ]
    kept = content["without_copies"]
    if kept is None:
        return [*lines, "Without them no case is left.", ""]
    clean = {metric.name: metric for metric in list_metrics(kept)}
    rows = [("cases", f"{of:,}", f"{kept['cases']:,}")]
    rows += [
        (metric.title, value_and_interval(metric), value_and_interval(clean.get(metric.name)))
        for metric in list_metrics(content)
    ]
    return lines + table(("metric", "as published", "without copies"), rows)


def value_and_interval(metric: Metric | None) -> str:
    """A cell of a table."""
    if metric is None:
        return "–"
    return number(metric.value) + (f" ({interval(metric.ci95)})" if metric.ci95 else "")


def _classes(classes: dict[str, Any] | None) -> list[str]:
    if classes is None:
        return []
    lines = table(
        ("classes", "value", "95 % interval"),
        [(title, number(classes[name]["value"]), interval(classes[name]["ci95"])) for name, title in CLASSES.items()],
    )
    lines += table(
        ("class", "slices", *OF_CLASS.values()),
        [
            (label, f"{metrics['slices']:,}", *(_value_and_interval(metrics[name]) for name in OF_CLASS))
            for label, metrics in classes["of_class"].items()
        ],
    )
    names, confusion = classes["names"], classes["confusion"]
    return lines + table(
        ("true \\ predicted", *names),
        [(name, *(f"{count:,}" for count in row)) for name, row in zip(names, confusion, strict=True) if any(row)],
    )


def _value_and_interval(metric: dict[str, Any]) -> str:
    pair = f" ({interval(metric['ci95'])})" if metric["ci95"] and metric["value"] is not None else ""
    return number(metric["value"]) + pair


def _segmentation(content: dict[str, Any]) -> list[str]:
    lines = table(
        ("segmentation", "n", "mean", "95 % interval", "median", "quartiles"),
        [
            (
                f"{of}: {title}" if of else title,
                group["n"],
                number(group["mean"]),
                interval(group["ci95"]),
                number(group["median"]),
                interval([group["q1"], group["q3"]]),
            )
            for of, metrics in (("", content), *(content.get("compartments") or {}).items())
            for name, title in SPREADS.items()
            if (group := metrics.get(name)) and group["n"]
        ],
    )
    marked = content["empty_slice_false_positive_rate"]
    if not marked or marked["value"] is None:
        return lines
    row = ("empty slices with a mask", number(marked["value"]), interval(marked["ci95"]))
    return lines + table(("false positives", "value", "95 % interval"), [row])


def _presence(presence: dict[str, Any]) -> list[str]:
    lines = table(
        ("slices with and without tumor", "value", "95 % interval"),
        [
            (PRESENCE[name], number(presence[name]["value"]), interval(presence[name]["ci95"]))
            for name in informative_presence(presence)
        ],
    )
    if not all(any(row) for row in presence["confusion"]):
        return lines
    counts = zip(("no tumor", "tumor"), presence["confusion"], strict=True)
    return lines + table(
        ("true \\ predicted", "no tumor", "tumor"), [(name, *(f"{count:,}" for count in row)) for name, row in counts]
    )


def _activation(content: dict[str, Any]) -> list[str]:
    activation, sanity = content["activation"], content["sanity"]
    rows: list[tuple[object, ...]] = []
    if activation:
        for name, title in (
            ("inside", "activation map inside the true mask"),
            ("mask_share", "fraction of the image covered by the mask"),
        ):
            group = activation[name]
            rows.append((title, group["n"], number(group["mean"]), interval(group["ci95"])))
    lines = table(("activation map", "slices", "mean", "95 % interval"), rows)
    if not sanity:
        return lines
    checked = [("rank correlation of the maps (Spearman)", "1.000", number(sanity["correlation"]))]
    if sanity["inside_before"] is not None:
        checked.append(("map inside the true mask", number(sanity["inside_before"]), number(sanity["inside_after"])))
    header = (f"weights shuffled as a check, {sanity['slices']} slices", "as trained", "shuffled")
    return lines + table(header, checked)


def _extremes(evaluation: Evaluation) -> list[str]:
    evaluated = sorted((row for row in evaluation.cases if row.dice is not None), key=lambda row: row.dice or 0)
    if not evaluated:
        return []
    shown = min(_SHOWN, (len(evaluated) + 1) // 2)
    lines = ["## Worst cases", "", *_cases(evaluated[:shown])]
    best = evaluated[::-1][: min(shown, len(evaluated) - shown)]
    return [*lines, "## Best cases", "", *_cases(best)] if best else lines


def _cases(rows: Sequence[CaseRow]) -> list[str]:
    several = any(row.slices > 1 for row in rows)
    header = ["case", "Dice", *(["on tumor slices"] if several else []), "HD95", "true px", "predicted px"]
    header += ["empty slices marked"] if several else []
    return table(
        header,
        [
            (
                row.case,
                number(row.dice),
                *([number(row.tumor_slice_dice)] if several else []),
                f"{number(row.hd95)} {row.hd95_unit}" if row.hd95 is not None else number(None),
                f"{row.true_px or 0:,}",
                f"{row.predicted_px or 0:,}",
                *([row.false_positive_slices] if several else []),
            )
            for row in rows
        ],
    )


def _errors(evaluation: Evaluation) -> list[str]:
    if not evaluation.classes:
        return []
    right, confidence = predicted_and_right(evaluation.slices, evaluation.classes)
    wrong = sorted(
        (index for index, correct in enumerate(right) if not correct), key=lambda index: (-confidence[index], index)
    )
    several = any(row.slice for row in evaluation.slices)
    rows = [
        (
            row.case,
            *([row.slice + 1] if several else []),
            row.true_class,
            row.predicted_class,
            number(float(confidence[index])),
        )
        for index in wrong[:_SHOWN]
        for row in [evaluation.slices[index]]
    ]
    lines = table(("case", *(["slice"] if several else []), "true", "predicted", "probability"), rows)
    return ["## Most confident errors", "", *lines] if lines else []
