"""Fitting the input check, and measuring how often it errs on what it was not fitted on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.core.errors import BadDataset
from tumorscope.preprocessing.input_check.model import (
    EnsembleMember,
    InputCheck,
    Rate,
    Shape,
    full_measures,
    score_measures,
    slices_with_much_head,
)
from tumorscope.training.input_check_samples import FOLDS, REAL_CT, RESTYLED, Samples
from tumorscope.training.input_check_sources import VOLUMES

AXES = 16
MEMBERS = 3
HINGES = 12
MOST_DOUBTED = 0.004
"""Share of any large source's images, as they are, that may get a warning, on patients not fitted."""

MOST_REFUSED = 0.004
"""Share of any large source's images, as they are or restyled, that may be refused, on patients not fitted."""

_LARGE = 100
"""Images of a source from which such small shares can be told."""

_DRAWN = 16_000
"""Images, half of them MRI, drawn for each member by their weights."""

_SHARES = {"kaggle4": 1.5, "volumes": 0.7, "phantom": 0.6}
"""How much a source counts among the MRIs, if not 1; all families count alike among the others."""

_RESTYLED_SHARE = 0.7

_SCANS = ("lgg", "brats", VOLUMES)
"""Sources of whole scans."""

_UNREAL = ("phantom", VOLUMES)
"""Sources that do not set a threshold: drawn ones, and whole volumes with all their ends."""

_RELATED = {"CT head": "CT head", REAL_CT: "CT head"}
"""Families that are left out together."""

PAGE_NOTE = "refused and doubted shares by data set, plane and change, on parts held out: docs/input-check.md"

REFUSAL_NOTE = (
    "refused_mri: scores so low that there is no finding, not only a warning; of data sets that the input check was not fitted "
    f"on, as they are and restyled by changes of contrast; the limit is the {MOST_REFUSED:.1%} quantile of the hardest"
)

NOTES = (
    "rejected_mri: every image evaluated by an input check not fitted on its patient, nor on near-copies of the image; "
    "a slice passes if one of its channels does",
    "rejected_scans: the median of the slices with at least half as much head as the fullest one",
    "accepted: every family evaluated by an input check fitted without it; accepted_known: fitted on other images of it",
    "refused_mri, refused, refused_known: the same, of scores so low that there is no finding, not only a warning",
    "restyled: by changes of contrast and style as other software makes them; each image is evaluated with its patient",
    f"the threshold is the {MOST_DOUBTED:.1%} quantile of the hardest large source's images as they are; the lower limit "
    f"is the {MOST_REFUSED:.1%} quantile of the hardest, also restyled",
    PAGE_NOTE,
)


@dataclass(frozen=True, eq=False)
class ScoredSamples:
    """Samples with their held-out scores.

    Attributes:
        samples: what was evaluated.
        known: scores ``(image,)`` by input checks fitted on other patients and other images of the family.
        unknown: for families, scores by an input check fitted without the whole family; for MRI the same as ``known``.
    """

    samples: Samples
    known: np.ndarray
    unknown: np.ndarray


def fit_input_check(
    samples: Sequence[Samples], seed: int = 0, on_fit: Callable[[], None] = lambda: None
) -> tuple[InputCheck, list[ScoredSamples]]:
    """Fit an input check on everything, with a threshold and error rates from input checks fitted on parts.

    Args:
        samples: from :func:`tumorscope.training.input_check_samples.read_samples`.
        seed: of the draws and first weights.
        on_fit: called after each of :func:`count_fits` fits.

    Returns:
        The input check with its metrics, and every image with its held-out scores.

    Raises:
        BadDataset: there is no real MRI among the samples.
    """
    if not any(one.mri and one.source != "phantom" for one in samples):
        raise BadDataset("no real MRI to fit the input check on; name at least one data set with --data")
    known = [np.zeros(len(one)) for one in samples]
    for fold in range(FOLDS):
        input_check = _fit(samples, [one.fold != fold for one in samples], seed)
        on_fit()
        for scores, one in zip(known, samples, strict=True):
            held = one.fold == fold
            scores[held] = score_samples(input_check, one)[held]
    unknown = list(known)
    for group in _groups(samples):
        input_check = _fit(samples, [np.full(len(one), _group(one) != group or one.mri) for one in samples], seed)
        on_fit()
        for place, one in enumerate(samples):
            if not one.mri and _group(one) == group:
                unknown[place] = score_samples(input_check, one)
    evaluated = [ScoredSamples(*parts) for parts in zip(samples, known, unknown, strict=True)]
    input_check = _fit(samples, [np.ones(len(one), bool) for one in samples], seed)
    on_fit()
    return with_metrics(input_check, evaluated), evaluated


def with_refusal(input_check: InputCheck, heads: Sequence[Samples]) -> InputCheck:
    """The same input check and threshold, with the lower limit that a few refusals of heads leave, and their rates.

    Args:
        input_check: as it was fitted.
        heads: from :func:`tumorscope.training.input_check_samples.read_heads`, of data sets that it was not fitted on.

    Raises:
        BadDataset: there are none.
    """
    assessed = [ScoredSamples(one, score_samples(input_check, one), score_samples(input_check, one)) for one in heads]
    scores = {one.samples.source: _of_images(one)[0] for one in assessed}
    if not scores:
        raise BadDataset("no heads to choose the limit on; name at least one data set with --data")
    refusal = min(input_check.threshold, _highest(scores, MOST_REFUSED))
    return input_check.model_copy(
        update={
            "certainty": round(input_check.threshold - refusal, 3),
            "refused_mri": {source: _rate(found < refusal) for source, found in scores.items()},
            "notes": tuple(dict.fromkeys((*input_check.notes, REFUSAL_NOTE, PAGE_NOTE))),
        }
    )


def count_fits(samples: Sequence[Samples]) -> int:
    """How many input checks :func:`fit_input_check` fits."""
    return FOLDS + len(_groups(samples)) + 1


def with_metrics(input_check: InputCheck, evaluated: Sequence[ScoredSamples]) -> InputCheck:
    """The input check with the threshold and the error rates that held-out scores give."""
    mri = [one for one in evaluated if one.samples.mri]
    others = [one for one in evaluated if not one.samples.mri]
    best = {one.samples.source: _of_images(one)[0] for one in mri}
    unaltered = {source: scores for source, scores in best.items() if not source.endswith(RESTYLED)}
    threshold = _highest(unaltered, MOST_DOUBTED)
    refusal = min(threshold, _highest(best, MOST_REFUSED))
    scans = {one.samples.source: _of_scans(one) for one in mri if one.samples.source in _SCANS}
    return input_check.model_copy(
        update={
            "threshold": threshold,
            "certainty": round(threshold - refusal, 3),
            "rejected_mri": {source: _rate(scores < threshold) for source, scores in best.items()},
            "refused_mri": {source: _rate(scores < refusal) for source, scores in best.items()},
            "rejected_scans": {source: _rate(scores < threshold) for source, scores in scans.items()},
            "accepted": {one.samples.source: _rate(one.unknown >= threshold) for one in others},
            "accepted_known": {one.samples.source: _rate(one.known >= threshold) for one in others},
            "refused": {one.samples.source: _rate(one.unknown < refusal) for one in others},
            "refused_known": {one.samples.source: _rate(one.known < refusal) for one in others},
            "not_evaluated": {one.samples.source: int((~_of_images(one)[1]).sum()) for one in mri},
            "notes": NOTES,
        }
    )


def _highest(scores: Mapping[str, np.ndarray], share: float) -> float:
    """The highest score with no more than ``share`` of any large data set's images below it."""
    real = {source: found for source, found in scores.items() if source.removesuffix(RESTYLED) not in _UNREAL}
    large = [found for found in real.values() if len(found) >= _LARGE]
    return round(min(float(np.quantile(found, share)) for found in large or scores.values()), 3)


def _of_images(evaluated: ScoredSamples) -> tuple[np.ndarray, np.ndarray]:
    """The best channel's score of each slice with a head, and for every slice whether it has one."""
    names, slot = np.unique(evaluated.samples.names, return_inverse=True)
    best, has_head = np.full(len(names), -np.inf), np.zeros(len(names), bool)
    np.maximum.at(best, slot, evaluated.known)
    np.logical_or.at(has_head, slot, evaluated.samples.has_head)
    return best[has_head], has_head


def _of_scans(evaluated: ScoredSamples) -> np.ndarray:
    """Each scan's median score; coronal and sagittal slices of a volume are scans of their own."""
    samples = evaluated.samples
    scans = np.array([name.rsplit(" ", 1)[0] for name in samples.names])
    medians = []
    for scan in np.unique(scans):
        names, slot = np.unique(samples.names[scans == scan], return_inverse=True)
        best, share = np.full(len(names), -np.inf), np.zeros(len(names))
        np.maximum.at(best, slot, evaluated.known[scans == scan])
        np.maximum.at(share, slot, samples.head_share[scans == scan])
        medians.append(float(np.median(best[slices_with_much_head(share)])))
    return np.array(medians)


def _share(samples: Samples) -> float:
    base = _SHARES.get(samples.source.removesuffix(RESTYLED), 1.0)
    return base * _RESTYLED_SHARE if samples.source.endswith(RESTYLED) else base


def _rate(wrong: np.ndarray) -> Rate:
    return Rate(wrong=int(wrong.sum()), of=len(wrong))


def _group(samples: Samples) -> str:
    return _RELATED.get(samples.source, samples.source)


def _groups(samples: Sequence[Samples]) -> list[str]:
    return list(dict.fromkeys(_group(one) for one in samples if not one.mri))


def _fit(samples: Sequence[Samples], use: Sequence[np.ndarray], seed: int) -> InputCheck:
    """An input check without threshold and metrics, fitted on the marked images."""
    kept = [marked & (one.has_head if one.mri else True) for one, marked in zip(samples, use, strict=True)]
    mri = np.concatenate([np.full(int(marked.sum()), one.mri) for one, marked in zip(samples, kept, strict=True)])
    weight = np.concatenate(
        [np.full(marked.sum(), _share(one) / max(marked.sum(), 1)) for one, marked in zip(samples, kept, strict=True)]
    )
    features = np.concatenate([one.features[marked] for one, marked in zip(samples, kept, strict=True)])
    small = np.concatenate([one.small[marked] for one, marked in zip(samples, kept, strict=True)])
    shape = _principal_axes(small[mri], weight[mri])
    measures = full_measures(shape, features, small)
    center = np.average(measures[mri], axis=0, weights=weight[mri])
    spread = np.sqrt(np.average((measures[mri] - center) ** 2, axis=0, weights=weight[mri])) + 1e-3
    blank = InputCheck(
        threshold=0, shape=shape, center=_row(center, 4), spread=_row(spread, 4), members=(_no_voter(len(center)),)
    )
    scaled = np.clip((measures - np.asarray(blank.center)) / np.asarray(blank.spread), -6, 6)
    chance = np.random.default_rng(seed)
    members = []
    for member in range(MEMBERS):
        halves = [
            chance.choice(np.flatnonzero(side), _DRAWN // 2, p=weight[side] / weight[side].sum())
            for side in (mri, ~mri)
        ]
        drawn = np.concatenate(halves)
        members.append(_fit_voter(scaled[drawn].astype(np.float32), mri[drawn], seed + member))
    return blank.model_copy(update={"members": tuple(members)})


def _principal_axes(small: np.ndarray, weight: np.ndarray) -> Shape:
    mean = np.average(small, axis=0, weights=weight)
    away = small - mean
    _, vectors = np.linalg.eigh((away * weight[:, None]).T @ away / weight.sum())
    return Shape(mean=_row(mean, 3), axes=tuple(_row(axis, 3) for axis in vectors[:, ::-1][:, :AXES].T))


def _fit_voter(scaled: np.ndarray, mri: np.ndarray, seed: int) -> EnsembleMember:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((HINGES,), alpha=0.03, learning_rate_init=3e-3, max_iter=20, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of passes is meant
        model.fit(scaled, mri)
    hinges, out = model.coefs_
    offset, bias = model.intercepts_
    return EnsembleMember(
        hinges=tuple(_row(hinge, 3) for hinge in hinges.T),
        offset=_row(offset, 3),
        out=_row(out[:, 0], 3),
        bias=round(float(bias[0]), 3),
    )


def _no_voter(width: int) -> EnsembleMember:
    return EnsembleMember(hinges=((0.0,) * width,), offset=(0.0,), out=(0.0,), bias=0.0)


def _row(values: np.ndarray, digits: int) -> tuple[float, ...]:
    return tuple(round(float(value), digits) for value in values)


def score_samples(input_check: InputCheck, samples: Samples) -> np.ndarray:
    """The score of each image, ``(image,)``."""
    return score_measures(input_check, full_measures(input_check.shape, samples.features, samples.small))
