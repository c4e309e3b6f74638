"""What a bundle's models find in validation and test cases, for its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tumorscope.datasets.combined import by_dataset
from tumorscope.datasets.labeled import LabeledCase, LabeledDataset
from tumorscope.evaluation.flip_gain import measure_flips
from tumorscope.inference.bundle import save_card
from tumorscope.inference.bundles import Bundle
from tumorscope.inference.engine import load_engine
from tumorscope.training.eight_bits import case_metrics, main_metric, main_metric_title, with_eight_bits


@dataclass(frozen=True)
class AssessedBundle:
    """A bundle and the main metric of each of its models on the validation patients.

    Attributes:
        bundle: with its metrics in its card.
        metric: the main metric's name, from :func:`~tumorscope.training.eight_bits.main_metric_title`.
        float_metric, int8_metric: from :func:`~tumorscope.training.eight_bits.main_metric`; None without an int8 model.
        method: how the int8 model was made, in words; None without one.
    """

    bundle: Bundle
    metric: str
    float_metric: float
    int8_metric: float | None
    method: str | None

    def lines(self) -> list[str]:
        """For people: the bundle and what its models reach."""
        lines = [
            f"Bundle {self.bundle.name} ({self.bundle.sha256[:12]}) is in {self.bundle.folder}",
            f"  {self.metric} on the validation part, float: {self.float_metric:.4f}",
        ]
        if self.int8_metric is not None:
            lines.append(f"  {self.metric} on the validation part, int8:  {self.int8_metric:.4f} ({self.method})")
        return lines


def assess(
    bundle: Bundle,
    dataset: LabeledDataset,
    parts: Mapping[str, Sequence[LabeledCase]],
    split_hash: str,
    *,
    eight_bit: bool,
    log: Callable[[str], None],
) -> AssessedBundle:
    """Add an int8 model chosen on the validation cases, and the metrics of both models to the card.

    The test cases are evaluated once, at the end.

    Args:
        bundle: with its float model and operating point, in a folder that can be written.
        dataset: the cases are of it.
        parts: cases by ``train``, ``validation`` and ``test``.
        split_hash: of the split that names the parts.
        eight_bit: whether to add an int8 model.
        log: called with a line about each step.

    Raises:
        TumorscopeError: every int8 model loses too much.
    """
    float_metrics = case_metrics(load_engine(bundle, "onnxruntime", "float"), dataset, parts["validation"])
    eight_bits = None
    if eight_bit:
        log("calibrating int8 on training slices")
        eight_bits = with_eight_bits(bundle, dataset, parts["train"], parts["validation"], float_metrics, log)
        bundle = eight_bits.bundle
    log("measuring cost and gain of test-time flips on the validation patients")
    engine = load_engine(bundle, "onnxruntime", bundle.card.models[-1].precision)
    flips = measure_flips(engine, [*by_dataset(dataset, parts["validation"]).values()], "validation")
    log("evaluating on the test patients")
    int8_metrics, method = (None, None) if eight_bits is None else (eight_bits.metrics, eight_bits.method)
    metrics = {
        "split_hash": split_hash,
        "validation": {"float": float_metrics, "int8": int8_metrics, "calibration": method},
        "test": {
            model.precision: case_metrics(load_engine(bundle, "onnxruntime", model.precision), dataset, parts["test"])
            for model in bundle.card.models
        },
    }
    bundle = save_card(bundle.card.model_copy(update={"metrics": metrics, "test_time_flips": flips}), bundle.folder)
    return AssessedBundle(
        bundle,
        main_metric_title(float_metrics),
        main_metric(float_metrics),
        None if int8_metrics is None else main_metric(int8_metrics),
        method,
    )
