"""Fitting the recognition of sequences from pixels, and measuring how often it errs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from tumorscope.core.errors import BadDataset
from tumorscope.core.scan import SEQUENCES
from tumorscope.inference.sequence_recognition import CARD_FILE, MODEL_FILE, SequenceCard, SequenceModel, open_network
from tumorscope.training.sequence_samples import SequenceSamples

MOST_WRONG = 0.02
"""Share of the validation slices as they are, of any sequence, that may get a wrong name."""

MOST_CONTRADICTED = 0.005
"""Share of the rightly named validation slices, restyled ones included, that may be doubted."""

_BATCH = 256

NOTES = (
    "fitted on training patients, as they are and restyled; temperature, confidence and the limit for contradictions "
    "chosen on validation patients: docs/sequences.md",
    f"named from the confidence at which at most {MOST_WRONG:.0%} of the validation slices of any sequence get a wrong name",
)


class FittedSequenceModel(NamedTuple):
    """A model, and its two files by name."""

    model: SequenceModel
    files: dict[str, bytes]


def fit_sequence_model(
    train: SequenceSamples,
    validation: SequenceSamples,
    restyled: SequenceSamples,
    steps: int | None = None,
    seed: int = 0,
    on_step: Callable[[], None] = lambda: None,
) -> FittedSequenceModel:
    """Fit on training patients; choose temperature, confidence and the limit for contradictions on others.

    Args:
        train, validation: from :mod:`tumorscope.training.sequence_samples`.
        restyled: the validation slices after changes of style.
        steps: of training, of 64 images; the usual number if None.
        seed: of first weights, draws and augmentation.
        on_step: called after each step.

    Raises:
        BadDataset: a sequence is missing in one of them.
    """
    from tumorscope.training.sequence_network import STEPS, encode_network, train_network

    for samples, part in ((train, "training"), (validation, "validation")):
        missing = sorted(set(range(len(SEQUENCES))) - set(samples.sequence.tolist()))
        if missing:
            raise BadDataset(f"no {part} image of {SEQUENCES[missing[0]]}; name more data sets with --data")
    network = train_network(train, balanced_weights(train), steps or STEPS, seed, on_step)
    content = encode_network(network)
    card = SequenceCard(
        sha256=hashlib.sha256(content).hexdigest(), temperature=1, confidence=0, contradiction=0, notes=NOTES
    )
    model = with_thresholds(open_network(content, card), validation, restyled)
    metrics = {"validation": metrics_of(model, validation), "validation, restyled": metrics_of(model, restyled)}
    model = SequenceModel(model.card.model_copy(update={"metrics": metrics}), model.run)
    return FittedSequenceModel(
        model, {MODEL_FILE: content, CARD_FILE: model.card.model_dump_json(indent=1).encode() + b"\n"}
    )


def balanced_weights(samples: SequenceSamples) -> np.ndarray:
    """Weights that add up to one: each sequence counts alike, and of each the data sets by the root of their images."""
    weight = np.zeros(len(samples))
    source = np.array([name.split()[0] for name in samples.source.tolist()])
    for sequence in np.unique(samples.sequence):
        of_sequence = samples.sequence == sequence
        for name in np.unique(source[of_sequence]):
            group = of_sequence & (source == name)
            weight[group] = 1 / np.sqrt(group.sum())
        weight[of_sequence] /= weight[of_sequence].sum()
    return weight / weight.sum()


def logits_of(model: SequenceModel, samples: SequenceSamples) -> np.ndarray:
    """Calibrated logits ``(image, sequence)``."""
    starts = range(0, len(samples), _BATCH)
    return np.concatenate(
        [model.logits(samples.take(np.arange(len(samples))[at : at + _BATCH]).inputs()) for at in starts]
    )


def with_thresholds(model: SequenceModel, validation: SequenceSamples, restyled: SequenceSamples) -> SequenceModel:
    """The model with the temperature and the limits that validation slices give."""
    both = SequenceSamples.join([validation, restyled])
    logits, weight = logits_of(model, both) * model.card.temperature, balanced_weights(both)
    rows, as_is = np.arange(len(both)), np.arange(len(both)) < len(validation)

    def loss(log_temperature: float) -> float:
        likelihood = log_softmax(logits / np.exp(log_temperature), axis=1)[rows, both.sequence]
        return -float(weight @ likelihood)

    found: Any = minimize_scalar(loss, bounds=(-2, 2), method="bounded")
    temperature = round(float(np.exp(found.x)), 3)
    probability = softmax(logits / temperature, axis=1)
    limits = {
        "temperature": temperature,
        "confidence": choose_confidence(probability[as_is], validation.sequence),
        "contradiction": choose_contradiction(probability[rows, both.sequence], weight),
    }
    return SequenceModel(model.card.model_copy(update=limits), model.run)


def choose_confidence(probability: np.ndarray, sequence: np.ndarray) -> float:
    """The lowest confidence, at least one half, at which few enough slices of every sequence get a wrong name."""
    likeliest, confidence = probability.argmax(axis=1), probability.max(axis=1)
    for limit in np.arange(0.5, 0.99, 0.01).round(2):
        wrong = (likeliest != sequence) & (confidence >= limit)
        if all(wrong[sequence == index].mean() <= MOST_WRONG for index in np.unique(sequence)):
            return float(limit)
    return 0.99


def choose_contradiction(named: np.ndarray, weight: np.ndarray) -> float:
    """The probability of the right sequence below which few enough slices are.

    Args:
        named: probability of the right sequence, ``(image,)``.
        weight: of each slice; they add up to one.
    """
    order = np.argsort(named)
    place = int(np.searchsorted(np.cumsum(weight[order]), MOST_CONTRADICTED))
    return round(float(named[order][place]), 5)


def metrics_of(model: SequenceModel, samples: SequenceSamples) -> dict[str, dict[str, Any]]:
    """By data set and sequence: images, named rightly, wrongly, unsure, rightly named but doubted, and all names."""
    probability = softmax(logits_of(model, samples), axis=1)
    keys = [f"{source} {SEQUENCES[index]}" for source, index in zip(samples.source, samples.sequence, strict=True)]
    groups: Mapping[str, np.ndarray] = {name: np.array(keys) == name for name in sorted(set(keys))}
    return {name: count_names(model.card, probability[own], samples.sequence[own]) for name, own in groups.items()}


def count_names(card: SequenceCard, probability: np.ndarray, sequence: np.ndarray) -> dict[str, Any]:
    """What probabilities ``(image, sequence)`` are named, and how often rightly."""
    likeliest, sure = probability.argmax(axis=1), probability.max(axis=1) >= card.confidence
    right = likeliest == sequence
    names = np.bincount(np.where(sure, likeliest, len(SEQUENCES)), minlength=len(SEQUENCES) + 1)
    return {
        "images": len(sequence),
        "right": int((right & sure).sum()),
        "wrong": int((~right & sure).sum()),
        "unsure": int((~sure).sum()),
        "likeliest_right": int(right.sum()),
        "doubted": int((probability[np.arange(len(sequence)), sequence] < card.contradiction).sum()),
        "named": dict(zip((*SEQUENCES, "unsure"), names.tolist(), strict=True)),
    }
