"""What test-time flips cost and gain, for a bundle's card."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tumorscope.datasets.labeled import LabeledCase, LabeledDataset
from tumorscope.evaluation.evaluate import evaluate
from tumorscope.evaluation.metric_summary import summarize
from tumorscope.inference.engine import Engine

Groups = Sequence[tuple[LabeledDataset, Sequence[LabeledCase]]]


def measure_flips(engine: Engine, groups: Groups, part: str) -> dict[str, Any]:
    """Evaluate cases without and with test-time flips, at the same operating point.

    Args:
        engine: a loaded bundle.
        groups: data sets, each with the cases to evaluate.
        part: of the bundle's split, the one that the cases are in.

    Returns:
        ``datasets``, ``part``, ``runtime``, ``precision``; ``cases`` and ``slices`` evaluated; ``dice`` (as in
        :func:`main_dice`) and ``auroc`` of presence without flips, each the mean over data sets, and what flips change
        of them as ``dice_change`` and ``auroc_change``; None where there is no such metric. ``time_ratio`` is the
        network's processor time with flips, divided by that without.

    Raises:
        TumorscopeError: not one case of a data set could be evaluated.
    """
    without, seconds = _evaluate(engine, groups, flips=False)
    averaged, seconds_averaged = _evaluate(engine, groups, flips=True)
    dice, dice_averaged = _mean(map(main_dice, without)), _mean(map(main_dice, averaged))
    auroc, auroc_averaged = _mean(map(_auroc, without)), _mean(map(_auroc, averaged))
    return {
        "datasets": [dataset.name for dataset, _ in groups],
        "part": part,
        "runtime": engine.runtime,
        "precision": engine.precision,
        "cases": sum(found["cases"] for found in without),
        "slices": sum(found["slices"] for found in without),
        "dice": _rounded(dice),
        "dice_change": _difference(dice_averaged, dice),
        "auroc": _rounded(auroc),
        "auroc_change": _difference(auroc_averaged, auroc),
        "time_ratio": round(seconds_averaged / seconds, 2),
    }


def main_dice(summary: dict[str, Any]) -> float | None:
    """Dice of whole patients, or of slices with tumor where no case is a whole patient; None without masks."""
    dice = summary.get("patient_dice") or summary.get("tumor_slice_dice")
    return None if dice is None else dice["mean"]


def _evaluate(engine: Engine, groups: Groups, *, flips: bool) -> tuple[list[dict[str, Any]], float]:
    """Summaries by data set, and the network's processor time in seconds, which other processes do not lengthen."""
    spent = 0.0

    def timed(images: np.ndarray) -> dict[str, np.ndarray]:
        nonlocal spent
        started = time.process_time()
        outputs = engine.session(images)
        spent += time.process_time() - started
        return outputs

    card = engine.bundle.card
    channels = len(card.inputs.sequences) * (2 * card.preparation.adjacent_slices + 1)
    engine.session(
        np.zeros((engine.batch, channels, card.preparation.size, card.preparation.size), np.float32)
    )  # warm-up
    measured = replace(engine, session=timed)
    return [summarize(evaluate(dataset, cases, measured, flips=flips)) for dataset, cases in groups], spent


def _auroc(summary: dict[str, Any]) -> float | None:
    return summary["presence"]["auroc"]["value"]


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else round(after - before, 4)
