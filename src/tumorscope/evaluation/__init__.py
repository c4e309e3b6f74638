"""How good a bundle is: measured on patients it has never seen, through the engine that users run."""

from tumorscope.evaluation.evaluate import evaluate
from tumorscope.evaluation.operating import Choice, ValidationCase, choose_operating_point
from tumorscope.evaluation.rows import CaseRow, Evaluation, FailedCase, SliceRow
from tumorscope.evaluation.summary import summarize, without

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
