"""Evaluation of bundles on test patients, through the same engine as in inference."""

from tumorscope.evaluation.evaluate import evaluate
from tumorscope.evaluation.metric_summary import summarize, without
from tumorscope.evaluation.operating_point import Choice, ValidationCase, choose_operating_point
from tumorscope.evaluation.rows import CaseRow, Evaluation, FailedCase, SliceRow

__all__ = [
    "CaseRow",
    "Choice",
    "Evaluation",
    "FailedCase",
    "SliceRow",
    "ValidationCase",
    "choose_operating_point",
    "evaluate",
    "summarize",
    "without",
]
