"""Whether activation maps depend on what the network has learned: weights shuffled, maps compared (Adebayo et al. 2018).

A map that looks the same after the weights were shuffled shows the image's edges, not the
network's reasons.
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
from tumorscope.inference.engine import Engine, onnxruntime_session
from tumorscope.preprocessing import prepare

_WEIGHED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_PASSED_ON = {"Cast", "Identity", "Transpose", "Reshape"}
"""What may stand between stored weights and the layer that uses them."""


def check_maps(engine: Engine, cases: Sequence[LabeledCase], count: int = 32, seed: int = 0) -> dict[str, Any] | None:
    """Compare activation maps before and after all convolutions and matrices lost what they learned.

    The bundle's float model is run by ONNX Runtime, as it is and with the values of each weight
    shuffled, whatever the engine itself runs. Both maps of a slice speak for the same prediction, the
    trained network's. Slices are drawn among those that truly show a tumor, evenly over cases.

    Args:
        engine: a loaded bundle.
        cases: to draw slices from; those that cannot be read are passed over.
        count: how many slices, at most.
        seed: of the draw and of the shuffling.

    Returns:
        None where the bundle gives no maps, has no float model, or no case shows a tumor. Else

        - ``question``: what the maps speak for, ``presence`` or ``type``;
        - ``slices``: how many were compared; ``shuffled``: how many weights were; ``seed``;
        - ``correlation``: mean over slices of Spearman's rank correlation of the two maps, near zero
          where the map depends on the weights; a map that became flat counts as zero;
        - ``inside_before``, ``inside_after``: mean share of the maps inside the true mask, over the
          slices where both are known; None where no truth has a mask.
    """
    card = engine.bundle.card
    model = card.model("float")
    if not card.maps or model is None:
        return None
    content = engine.bundle.read_model(model)
    broken, shuffled = shuffle_weights(content, seed)
    trained = replace(engine, runtime="onnxruntime", precision="float", session=onnxruntime_session(content))
    random = replace(trained, session=onnxruntime_session(broken))
    chance = np.random.default_rng(seed)
    waiting = [cases[place] for place in chance.permutation(len(cases))]
    found: list[_Compared] = []
    while waiting and len(found) < count:
        case = waiting.pop()
        share = math.ceil((count - len(found)) / (len(waiting) + 1))  # the cases still to come take theirs
        try:
            found += _compare_case(case, trained, random, share, chance)
        except Exception:  # an evaluation goes on without a broken case, and names it
            continue
    if not found:
        return None
    inside = [(one.before, one.after) for one in found if one.before is not None and one.after is not None]
    before, after = np.mean(inside, axis=0).round(4).tolist() if inside else (None, None)
    return {
        "question": found[0].question,
        "slices": len(found),
        "shuffled": shuffled,
        "seed": seed,
        "correlation": round(float(np.mean([one.correlation for one in found])), 4),
        "inside_before": before,
        "inside_after": after,
    }


@dataclass(frozen=True)
class _Compared:
    """Two maps of one slice: how alike they are, and the share of each inside the mask where that is known."""

    question: str
    correlation: float
    before: float | None
    after: float | None


def _compare_case(
    case: LabeledCase, trained: Engine, random: Engine, most: int, chance: np.random.Generator
) -> list[_Compared]:
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
            _Compared(before.question, _rank_correlation(before.values[index], after.values[index]), *inside)
        )
    return compared


def shuffle_weights(model: bytes, seed: int = 0) -> tuple[bytes, int]:
    """An ONNX model in which the stored values of each convolution and matrix stand in random order.

    So every weight keeps its distribution and loses its pattern.

    Returns:
        The model, and how many stored weights were shuffled.
    """
    import onnx
    from onnx import TensorProto, numpy_helper

    graph = (loaded := onnx.load_from_string(model)).graph
    stored = {weight.name: weight for weight in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    chance = np.random.default_rng(seed)
    done: set[str] = set()
    for node in graph.node:
        for name in node.input if node.op_type in _WEIGHED else ():
            while name in makers and makers[name].op_type in _PASSED_ON:
                name = makers[name].input[0]
            weight = stored.get(name)
            if weight is None or name in done or weight.data_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
                continue
            values = numpy_helper.to_array(weight)
            weight.CopyFrom(numpy_helper.from_array(chance.permutation(values.ravel()).reshape(values.shape), name))
            done.add(name)
    return loaded.SerializeToString(), len(done)


def _maps(scan: Scan, trained: Engine, random: Engine) -> tuple[ActivationMap, ActivationMap]:
    """The scan's maps by both networks, for what the trained one predictions."""
    card = trained.bundle.card
    voxels, _ = arrange_channels(scan, card)
    view = network_view(scan)
    prepared = prepare(view.forward(voxels), card.preparation, view.pixel_aspect)
    predictions, others = trained.run(prepared.images), random.run(prepared.images)
    swapped = replace(predictions, presence_map=others.presence_map, class_map=others.class_map)
    before, after = (activation_map(one, card, prepared.crop_resize, view) for one in (predictions, swapped))
    assert before is not None  # the card lists maps
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
