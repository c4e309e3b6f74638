"""Fitting the input gate, and measuring how often it errs on what it was not fitted on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.errors import BadDataset
from tumorscope.preparing.gate.model import (
    Gate,
    Rate,
    Shape,
    Voter,
    full_measures,
    score_measures,
    slices_with_much_head,
)
from tumorscope.training.gate_samples import ALTERED, FOLDS, REAL_CT, Samples

AXES = 16
VOTERS = 3
HINGES = 12
MOST_REJECTED = 0.004
"""Share of any data set's pictures that the threshold may turn away, on patients not fitted."""

_DRAWN = 16_000
"""Pictures, half of them MRI, drawn for each voter by their weights."""

_SHARES = {"lgg": 1.0, "figshare": 1.0, "kaggle4": 1.5, "volumes": 0.7, "phantom": 0.6}
"""How much each data set counts among the MRIs; all families count alike among the others."""

_ALTERED_SHARE = 0.4

_RELATED = {"CT head": "CT head", REAL_CT: "CT head"}
"""Families that are left out together."""

NOTES = (
    "rejected_mri: every picture judged by a gate not fitted on its patient, nor on near-copies of the picture; "
    "a slice passes if one of its channels does",
    "rejected_scans: the median of the slices with at least half as much head as the fullest one",
    "accepted: every family judged by a gate fitted without it; accepted_known: fitted on other pictures of it",
    "the threshold is the highest that rejects no more than 0.4 % of any large data set's pictures",
)


@dataclass(frozen=True, eq=False)
class Judged:
    """Samples with their held-out scores.

    Attributes:
        samples: what was judged.
        known: scores ``(picture,)`` by gates fitted on other patients and other pictures of the family.
        unknown: for families, scores by a gate fitted without the whole family; for MRI the same as ``known``.
    """

    samples: Samples
    known: np.ndarray
    unknown: np.ndarray


def fit_gate(
    samples: Sequence[Samples], seed: int = 0, on_fit: Callable[[], None] = lambda: None
) -> tuple[Gate, list[Judged]]:
    """Fit a gate on everything, with a threshold and error rates from gates fitted on parts.

    Args:
        samples: from :func:`tumorscope.training.gate_samples.read_samples`.
        seed: of the draws and first weights.
        on_fit: called after each of :func:`count_fits` fits.

    Returns:
        The gate with its figures, and every picture with its held-out scores.

    Raises:
        BadDataset: there is no real MRI among the samples.
    """
    if not any(one.source in _SHARES and one.source != "phantom" and one.mri for one in samples):
        raise BadDataset("no real MRI to fit the gate on; name at least one data set with --data")
    known = [np.zeros(len(one)) for one in samples]
    for fold in range(FOLDS):
        gate = _fit(samples, [one.fold != fold for one in samples], seed)
        on_fit()
        for scores, one in zip(known, samples, strict=True):
            held = one.fold == fold
            scores[held] = _score(gate, one)[held]
    unknown = list(known)
    for group in _groups(samples):
        gate = _fit(samples, [np.full(len(one), _group(one) != group or one.mri) for one in samples], seed)
        on_fit()
        for place, one in enumerate(samples):
            if not one.mri and _group(one) == group:
                unknown[place] = _score(gate, one)
    judged = [Judged(*parts) for parts in zip(samples, known, unknown, strict=True)]
    gate = _fit(samples, [np.ones(len(one), bool) for one in samples], seed)
    on_fit()
    return with_figures(gate, judged), judged


def count_fits(samples: Sequence[Samples]) -> int:
    """How many gates :func:`fit_gate` fits."""
    return FOLDS + len(_groups(samples)) + 1


def with_figures(gate: Gate, judged: Sequence[Judged]) -> Gate:
    """The gate with the threshold and the error rates that held-out scores give."""
    large = [
        one for one in judged if one.samples.source in _SHARES and one.samples.source not in ("phantom", "volumes")
    ]
    pictures = [_of_pictures(one)[0] for one in large or [one for one in judged if one.samples.mri]]
    threshold = round(min(float(np.quantile(scores, MOST_REJECTED)) for scores in pictures), 3)
    others = [one for one in judged if not one.samples.mri]
    mri = [one for one in judged if one.samples.mri and not one.samples.source.endswith(ALTERED)]
    return gate.model_copy(
        update={
            "threshold": threshold,
            "rejected_mri": {one.samples.source: _rate(_of_pictures(one)[0] < threshold) for one in mri},
            "rejected_scans": {
                one.samples.source: _rate(_of_scans(one) < threshold)
                for one in mri
                if one.samples.source in ("lgg", "volumes")
            },
            "accepted": {one.samples.source: _rate(one.unknown >= threshold) for one in others},
            "accepted_known": {one.samples.source: _rate(one.known >= threshold) for one in others},
            "not_judged": {one.samples.source: int((~_of_pictures(one)[1]).sum()) for one in mri},
            "notes": NOTES,
        }
    )


def _of_pictures(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """The best channel's score of each slice with a head, and for every slice whether it has one."""
    names, slot = np.unique(judged.samples.names, return_inverse=True)
    best, has_head = np.full(len(names), -np.inf), np.zeros(len(names), bool)
    np.maximum.at(best, slot, judged.known)
    np.logical_or.at(has_head, slot, judged.samples.has_head)
    return best[has_head], has_head


def _of_scans(judged: Judged) -> np.ndarray:
    """Each scan's median score; coronal and sagittal slices of a volume are scans of their own."""
    samples = judged.samples
    scans = np.array([name.rsplit(" ", 1)[0] for name in samples.names])
    medians = []
    for scan in np.unique(scans):
        names, slot = np.unique(samples.names[scans == scan], return_inverse=True)
        best, share = np.full(len(names), -np.inf), np.zeros(len(names))
        np.maximum.at(best, slot, judged.known[scans == scan])
        np.maximum.at(share, slot, samples.head_share[scans == scan])
        medians.append(float(np.median(best[slices_with_much_head(share)])))
    return np.array(medians)


def _share(samples: Samples) -> float:
    return _ALTERED_SHARE if samples.source.endswith(ALTERED) else _SHARES.get(samples.source, 1.0)


def _rate(wrong: np.ndarray) -> Rate:
    return Rate(wrong=int(wrong.sum()), of=len(wrong))


def _group(samples: Samples) -> str:
    return _RELATED.get(samples.source, samples.source)


def _groups(samples: Sequence[Samples]) -> list[str]:
    return list(dict.fromkeys(_group(one) for one in samples if not one.mri))


def _fit(samples: Sequence[Samples], use: Sequence[np.ndarray], seed: int) -> Gate:
    """A gate without threshold and figures, fitted on the marked pictures."""
    kept = [marked & (one.has_head if one.mri else True) for one, marked in zip(samples, use, strict=True)]
    mri = np.concatenate([np.full(int(marked.sum()), one.mri) for one, marked in zip(samples, kept, strict=True)])
    weight = np.concatenate(
        [np.full(marked.sum(), _share(one) / max(marked.sum(), 1)) for one, marked in zip(samples, kept, strict=True)]
    )
    features = np.concatenate([one.features[marked] for one, marked in zip(samples, kept, strict=True)])
    small = np.concatenate([one.small[marked] for one, marked in zip(samples, kept, strict=True)])
    shape = _principal_axes(small[mri], weight[mri])
    measures = full_measures(shape, features, small)
    centre = np.average(measures[mri], axis=0, weights=weight[mri])
    spread = np.sqrt(np.average((measures[mri] - centre) ** 2, axis=0, weights=weight[mri])) + 1e-3
    blank = Gate(
        threshold=0, shape=shape, centre=_row(centre, 4), spread=_row(spread, 4), voters=(_no_voter(len(centre)),)
    )
    scaled = np.clip((measures - np.asarray(blank.centre)) / np.asarray(blank.spread), -6, 6)
    chance = np.random.default_rng(seed)
    voters = []
    for voter in range(VOTERS):
        halves = [
            chance.choice(np.flatnonzero(side), _DRAWN // 2, p=weight[side] / weight[side].sum())
            for side in (mri, ~mri)
        ]
        drawn = np.concatenate(halves)
        voters.append(_fit_voter(scaled[drawn].astype(np.float32), mri[drawn], seed + voter))
    return blank.model_copy(update={"voters": tuple(voters)})


def _principal_axes(small: np.ndarray, weight: np.ndarray) -> Shape:
    mean = np.average(small, axis=0, weights=weight)
    away = small - mean
    _, vectors = np.linalg.eigh((away * weight[:, None]).T @ away / weight.sum())
    return Shape(mean=_row(mean, 3), axes=tuple(_row(axis, 3) for axis in vectors[:, ::-1][:, :AXES].T))


def _fit_voter(scaled: np.ndarray, mri: np.ndarray, seed: int) -> Voter:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((HINGES,), alpha=0.03, learning_rate_init=3e-3, max_iter=20, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of passes is meant
        model.fit(scaled, mri)
    hinges, out = model.coefs_
    offset, bias = model.intercepts_
    return Voter(
        hinges=tuple(_row(hinge, 3) for hinge in hinges.T),
        offset=_row(offset, 3),
        out=_row(out[:, 0], 3),
        bias=round(float(bias[0]), 3),
    )


def _no_voter(width: int) -> Voter:
    return Voter(hinges=((0.0,) * width,), offset=(0.0,), out=(0.0,), bias=0.0)


def _row(values: np.ndarray, digits: int) -> tuple[float, ...]:
    return tuple(round(float(value), digits) for value in values)


def _score(gate: Gate, samples: Samples) -> np.ndarray:
    return score_measures(gate, full_measures(gate.shape, samples.features, samples.small))
