"""How good a bundle is: measured on patients it has never seen, through the engine that users run."""

from tumorscope.evaluation.evaluate import Evaluation, FailedCase, PatientRow, SliceRow, evaluate_lgg, summarize
from tumorscope.evaluation.operating import Choice, ValidationCase, choose_operating_point

__all__ = [
    "Choice",
    "Evaluation",
    "FailedCase",
    "PatientRow",
    "SliceRow",
    "ValidationCase",
    "choose_operating_point",
    "evaluate_lgg",
    "summarize",
]
