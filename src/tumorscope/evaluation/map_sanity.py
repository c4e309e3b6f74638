"""Sanity check of activation maps by randomization of the network's weights (Adebayo et al. 2018).

A map that stays the same after the weights were shuffled shows the image's edges, not what the network has learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from scipy.stats import spearmanr

from tumorscope.core.scan import Scan
from tumorscope.datasets.labeled import GroundTruth, LabeledCase
from tumorscope.inference.acquired_slices import network_view
from tumorscope.inference.activation_maps import ActivationMap, activation_map
from tumorscope.inference.channels import arrange_channels
from tumorscope.inference.engine import Engine
from tumorscope.inference.sessions import OnnxRuntimeLoader
from tumorscope.preprocessing import prepare

_LAYERS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_PASS_THROUGH = {"Cast", "Identity", "Transpose", "Reshape"}
"""Operators between stored weights and the layer that uses them."""


def check_maps(engine: Engine, cases: Sequence[LabeledCase], count: int = 32, seed: int = 0) -> dict[str, Any] | None:
    """Compare activation maps before and after shuffling the weights of all convolutions and matrices.

    The bundle's float model is run by ONNX Runtime, with its own and with shuffled weights,
    independently of the engine's model. Both maps of a slice explain the same prediction, the
    trained network's. Slices are drawn from those with a true tumor, evenly over cases.

    Args:
        engine: a loaded bundle.
        cases: to draw slices from; those that cannot be read are skipped.
        count: the largest number of slices.
        seed: of the draw and of the shuffling.

    Returns:
        None if the bundle has no maps or no float model, or no case shows a tumor. Otherwise

        - ``question``: what the maps explain, ``presence`` or ``type``;
        - ``slices``: number of compared slices; ``shuffled``: number of shuffled weights; ``seed``;
        - ``correlation``: mean over slices of Spearman's rank correlation of the two maps, near zero
          if the map depends on the weights; a constant map counts as zero;
        - ``inside_before``, ``inside_after``: mean fraction of the maps inside the true mask, over the
          slices where both are known; None without masks.
    """
    card = engine.bundle.card
    model = card.model("float")
    if not card.maps or model is None:
        return None
    content = engine.bundle.read_model(model)
    broken, shuffled = shuffle_weights(content, seed)
    trained = replace(engine, runtime="onnxruntime", precision="float", session=OnnxRuntimeLoader().load(content))
    random = replace(trained, session=OnnxRuntimeLoader().load(broken))
    chance = np.random.default_rng(seed)
    remaining = [cases[index] for index in chance.permutation(len(cases))]
    compared: list[_MapComparison] = []
    while remaining and len(compared) < count:
        case = remaining.pop()
        share = math.ceil((count - len(compared)) / (len(remaining) + 1))  # leaves slices for the other cases
        try:
            compared += _compare_case(case, trained, random, share, chance)
        except Exception:  # the evaluation reports the case
            continue
    if not compared:
        return None
    inside = [(item.before, item.after) for item in compared if item.before is not None and item.after is not None]
    before, after = np.mean(inside, axis=0).round(4).tolist() if inside else (None, None)
    return {
        "question": compared[0].question,
        "slices": len(compared),
        "shuffled": shuffled,
        "seed": seed,
        "correlation": round(float(np.mean([item.correlation for item in compared])), 4),
        "inside_before": before,
        "inside_after": after,
    }


@dataclass(frozen=True)
class _MapComparison:
    """Two maps of one slice: their correlation, and the fraction of each inside the mask if it is known."""

    question: str
    correlation: float
    before: float | None
    after: float | None


def _compare_case(
    case: LabeledCase, trained: Engine, random: Engine, most: int, chance: np.random.Generator
) -> list[_MapComparison]:
    scan, truth = case.scan(), case.truth()
    chosen = chance.permutation(_tumor_slices(truth, scan.shape[0]))[:most]
    if not len(chosen):
        return []
    before, after = _maps(scan, trained, random)
    compared = []
    for index in map(int, chosen):
        inside = [
            None if truth.mask is None else one.energy_inside(index, truth.mask[index]) for one in (before, after)
        ]
        compared.append(
            _MapComparison(before.question, _rank_correlation(before.values[index], after.values[index]), *inside)
        )
    return compared


def shuffle_weights(model: bytes, seed: int = 0) -> tuple[bytes, int]:
    """An ONNX model in which the stored values of each convolution and matrix are in random order.

    Every weight keeps the distribution of its values.

    Returns:
        The model, and the number of shuffled weights.
    """
    import onnx
    from onnx import TensorProto, numpy_helper

    graph = (loaded := onnx.load_from_string(model)).graph
    stored = {weight.name: weight for weight in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    chance = np.random.default_rng(seed)
    shuffled: set[str] = set()
    for node in graph.node:
        for name in node.input if node.op_type in _LAYERS else ():
            while name in makers and makers[name].op_type in _PASS_THROUGH:
                name = makers[name].input[0]
            weight = stored.get(name)
            if weight is None or name in shuffled or weight.data_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
                continue
            values = numpy_helper.to_array(weight)
            weight.CopyFrom(numpy_helper.from_array(chance.permutation(values.ravel()).reshape(values.shape), name))
            shuffled.add(name)
    return loaded.SerializeToString(), len(shuffled)


def _maps(scan: Scan, trained: Engine, random: Engine) -> tuple[ActivationMap, ActivationMap]:
    """The scan's maps by both networks, for the predictions of the trained one."""
    card = trained.bundle.card
    voxels, _ = arrange_channels(scan, card)
    view = network_view(scan)
    prepared = prepare(view.forward(voxels), card.preparation, view.pixel_aspect)
    predictions, others = trained.run(prepared.images), random.run(prepared.images)
    swapped = replace(predictions, presence_map=others.presence_map, class_map=others.class_map)
    before, after = (activation_map(one, card, prepared.crop_resize, view) for one in (predictions, swapped))
    assert before is not None  # the model card lists maps
    assert after is not None
    return before, after


def _tumor_slices(truth: GroundTruth, slices: int) -> np.ndarray:
    if truth.mask is not None:
        return np.flatnonzero(truth.mask.any(axis=(1, 2)))
    return np.flatnonzero(np.ones(slices, bool) if truth.present is None else truth.present)


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    correlation, _ = spearmanr(one.ravel(), other.ravel())
    return float(cast(float, correlation))
