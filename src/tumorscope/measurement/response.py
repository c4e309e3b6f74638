"""What became of a tumor between two studies, and the category that RANO has for it.

Response is assessed by the sum of the products of the diameters of the target lesions: a half
or less of it is a partial response, a quarter more is progression. The rules and their wording
are those of Wen et al., J Clin Oncol 2010;28:1963 (RANO); RANO 2.0 (Wen et al., J Clin Oncol
2023;41:5187) keeps the thresholds. What is not verified is in ``docs/explanation/definitions.md``. Change in volume is given beside it and decides nothing
here.

RANO requires more than images show: :data:`NOT_ASSESSED` names the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.geometry import Geometry
from tumorscope.core.note import Note
from tumorscope.measurement.comparability import Origin, conflicts, doubts
from tumorscope.measurement.lesion_matches import Match, match_lesions
from tumorscope.measurement.lesions import Lesion, unknown_volumes

Category = Literal["CR", "PR", "SD", "PD"]

CATEGORY_NAMES: dict[Category, str] = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
}

PARTIAL, PROGRESSIVE, MINOR = -0.50, 0.25, -0.25
"""Relative changes of the sum of products: to this or less, to this or more, and to this or less."""

MOST_TARGETS = 5
"""RANO (2010): at most the five largest measurable lesions are followed. The number in RANO 2.0 is not verified."""

_GROWN_MM = 5.0
"""A lesion that becomes measurable counts as progression if it grew by more than this, or by a quarter."""

NOT_ASSESSED = (
    "corticosteroid dose: CR needs none, PR and SD none or no more than before",
    "clinical status: worsening alone is progression, and CR, PR and SD need a stable patient or better",
    "confirmation: CR and PR must last for four weeks; progression within twelve weeks of radiotherapy may be false",
    "the nadir: progression is assessed against the smallest sum of all studies, and only two are given",
    "other disease: enhancement or T2/FLAIR change outside these masks, leptomeningeal spread",
)
"""What RANO requires and two masks do not show."""


@dataclass(frozen=True, eq=False)
class Timepoint:
    """The lesions of one study, and where they are.

    Attributes:
        name: of the study, for tables.
        mask: boolean ``(slice, row, column)``.
        lesions: all of this mask, as :func:`~tumorscope.measurement.lesions.find_lesions` gives them.
        affine: ``(column, row, slice, 1)`` to RAS+ mm, or None where the voxel size is not known.
        origin: its patient, date, and bundle.
        slice_positions: see :class:`tumorscope.core.geometry.Geometry`.
    """

    name: str
    mask: np.ndarray
    lesions: tuple[Lesion, ...]
    affine: np.ndarray | None
    origin: Origin = field(default_factory=Origin)
    slice_positions: np.ndarray | None = None

    @property
    def geometry(self) -> Geometry | None:
        """Where the voxels are in the patient; None without an affine."""
        slices, rows, columns = self.mask.shape
        return None if self.affine is None else Geometry((slices, rows, columns), self.affine, self.slice_positions)

    @property
    def volume_mm3(self) -> float | None:
        """Of all lesions; None without an affine, or where that of a lesion cannot be measured."""
        if self.geometry is None or any(lesion.volume_mm3 is None for lesion in self.lesions):
            return None
        return self.geometry.volume_mm3(self.mask.sum(axis=(1, 2)))

    @property
    def measurable(self) -> tuple[int, ...]:
        """Places in :attr:`lesions` of those that RANO measures."""
        return tuple(place for place, lesion in enumerate(self.lesions) if lesion.measurable)


@dataclass(frozen=True)
class Change:
    """A size before and after.

    >>> Change(200.0, 90.0).relative
    -0.55
    """

    before: float
    after: float

    @property
    def relative(self) -> float | None:
        """(after − before) / before; None where there was nothing."""
        return (self.after - self.before) / self.before if self.before else None


@dataclass(frozen=True)
class Response:
    """How two studies compare.

    Attributes:
        category: RANO's, by what the masks show; None where it cannot be assessed.
        rule: the rule that decided, or why none could.
        volume_mm3: of all lesions; None where a voxel size is not known.
        products_mm2: the sum over target lesions; None where a voxel size is not known.
        targets: indices of the target lesions in the study before.
        matches: which lesions belong together; None where the grids do not allow to say so.
        new: indices in the study after of new lesions, measurable ones first; empty if not matched.
        notes: what a reader of the category should know.
    """

    category: Category | None
    rule: str
    volume_mm3: Change | None
    products_mm2: Change | None
    targets: tuple[int, ...]
    matches: tuple[Match, ...] | None
    new: tuple[int, ...] = ()
    notes: tuple[Note, ...] = field(default=())


def compare_studies(before: Timepoint, after: Timepoint, *, registered: bool = False, force: bool = False) -> Response:
    """Compare a study with an earlier one of the same patient.

    Lesions are matched where they overlap. That needs both studies in one frame: on the same
    grid, or registered; otherwise only the totals are compared.

    Args:
        before: the baseline, or the study with the smallest sum for progression.
        after: the study to assess.
        registered: whether both are in one frame of reference, whatever their grids.
        force: compare them although they differ in patient, bundle or sequences, or are in the wrong
            order; the notes then say so.

    Raises:
        TumorscopeError: they differ in one of these.
    """
    notes = [
        *comparison_notes(before, after, force),
        *(
            note.about(when)
            for when, study in (("before", before), ("after", after))
            for note in unknown_volumes(study.lesions)
        ),
    ]
    matches = match_lesions(before, after, registered)
    targets = tuple(sorted(before.measurable, key=lambda place: -product_of(before.lesions[place])))[:MOST_TARGETS]
    known = before.affine is not None and after.affine is not None
    if matches is None:
        what = "the studies are not on one grid, so lesions are not matched and new ones are not distinguished from old"
        notes.append(Note("unmatched_lesions", f"{what}; register the later study to the earlier one"))
        new: tuple[int, ...] = ()
        products = _totals(before, after, targets)
        if len(after.measurable) > len(before.measurable) and before.lesions:
            counts = f"{len(after.measurable)} measurable lesions, {len(before.measurable)} before"
            notes.append(Note("possible_new_lesion", f"{counts}: a new one would be progression"))
    else:
        new = tuple(place for match in matches if not match.before for place in match.after)
        new = tuple(sorted(new, key=lambda place: (not after.lesions[place].measurable, place)))
        products = _matched(before, after, targets, matches)
    if len(before.measurable) > MOST_TARGETS:
        what = f"{len(before.measurable)} measurable lesions before; the {MOST_TARGETS} largest are followed"
        notes.append(Note("target_limit", what))
    category, rule = (
        _decide(before, after, products, targets, matches, new)
        if known
        else (None, "the voxel size is not known, and RANO's rules are in millimeters")
    )
    if category == "SD" and targets and (products.relative or 0) <= MINOR:
        what = "a decrease of 25 to 50 % is a minor response where the disease does not enhance"
        notes.append(Note("minor_response", f"{what} (RANO for low-grade glioma)"))
    small = [place for place in new if not after.lesions[place].measurable]
    if small and category != "PD":
        what = f"{count_text(len(small), 'new lesion')} too small to measure; look at the next study"
        notes.append(Note("small_new_lesions", what))
    volumes = before.volume_mm3, after.volume_mm3
    return Response(
        category=category,
        rule=rule,
        volume_mm3=Change(volumes[0], volumes[1]) if volumes[0] is not None and volumes[1] is not None else None,
        products_mm2=products if known else None,
        targets=targets,
        matches=matches,
        new=new,
        notes=tuple(notes),
    )


def comparison_notes(before: Timepoint, after: Timepoint, force: bool) -> list[Note]:
    """What is known and not known against comparing two studies.

    Raises:
        TumorscopeError: they must not be compared, and ``force`` is not set.
    """
    against = conflicts(before.origin, after.origin)
    if against and not force:
        raise TumorscopeError(
            f"{before.name} and {after.name} are not comparable: {'; '.join(against)}. --force compares them all the same"
        )
    forced = (Note("forced_comparison", f"compared although {reason}") for reason in against)
    return [*forced, *doubts(before.origin, after.origin)]


def _decide(
    before: Timepoint,
    after: Timepoint,
    products: Change,
    targets: tuple[int, ...],
    matches: tuple[Match, ...] | None,
    new: tuple[int, ...],
) -> tuple[Category | None, str]:
    """The category and the rule behind it; progression is checked first, as one sign of it is enough."""
    if not before.lesions and not after.lesions:
        return None, "neither study shows a lesion, so there is no response to assess"
    if not before.lesions:
        return "PD", f"{count_text(len(after.lesions), 'lesion')} where there was none: any new lesion is progression"
    measurable = [place for place in new if after.lesions[place].measurable]
    if measurable:
        return "PD", f"{count_text(len(measurable), 'new measurable lesion')}: any new lesion is progression"
    change = products.relative
    if change is not None and change >= PROGRESSIVE:
        return "PD", f"the sum of products grew by {percent_text(change)}: 25 % or more is progression"
    grown = became_measurable(before, after, matches or ())
    if grown:
        return "PD", f"{count_text(grown, 'lesion')} became measurable, by more than 5 mm or 25 %: that is progression"
    if not targets:
        if not after.lesions:
            return "SD", "all lesions are gone, but none was measurable: stable disease is then the best response"
        if after.measurable and matches is None:
            return None, "no lesion was measurable before, and new ones are not distinguished from old"
        return "SD", "no lesion is measurable: without progression this is stable disease"
    if not after.lesions:
        return "CR", "no lesion is left: disappearance of all lesions is a complete response"
    assert change is not None  # targets have a product
    if change <= PARTIAL:
        return "PR", f"the sum of products shrank by {percent_text(change)}: 50 % or more is a partial response"
    way = "did not change" if abs(change) < 0.005 else f"{'grew' if change > 0 else 'shrank'} by {percent_text(change)}"
    return "SD", f"the sum of products {way}: between 50 % less and 25 % more is stable disease"


def _matched(before: Timepoint, after: Timepoint, targets: tuple[int, ...], matches: tuple[Match, ...]) -> Change:
    """Sums of products: the targets, and the lesions at their positions afterwards, measurable or not."""
    followed = {place for match in matches if set(match.before) & set(targets) for place in match.after}
    earlier = sum(product_of(before.lesions[place]) for place in targets)
    return Change(earlier, sum(product_of(after.lesions[place]) for place in followed))


def _totals(before: Timepoint, after: Timepoint, targets: tuple[int, ...]) -> Change:
    """Sums of products without matching: afterwards the measurable lesions, and at least as many as were targets."""
    products = sorted((product_of(lesion) for lesion in after.lesions), reverse=True)
    counted = min(MOST_TARGETS, max(len(targets), len(after.measurable)))
    return Change(sum(product_of(before.lesions[place]) for place in targets), sum(products[:counted]))


def became_measurable(before: Timepoint, after: Timepoint, matches: tuple[Match, ...]) -> int:
    """How many lesions were too small, are measurable now, and grew by more than 5 mm or a quarter."""
    grown = 0
    for match in matches:
        if not match.before or any(before.lesions[place].measurable for place in match.before):
            continue
        for place in match.after:
            lesion = after.lesions[place]
            if not lesion.measurable or lesion.diameters is None:
                continue
            earlier = [before.lesions[place].diameters for place in match.before]
            longest = max(found.longest.length for found in earlier if found is not None)
            product = sum(found.product for found in earlier if found is not None)
            wider = lesion.diameters.longest.length - longest > _GROWN_MM
            grown += wider or lesion.diameters.product >= product * (1 + PROGRESSIVE)
    return grown


def product_of(lesion: Lesion) -> float:
    """RANO's product of diameters, mm²."""
    return lesion.diameters.product if lesion.diameters is not None else 0.0


def percent_text(change: float) -> str:
    """A relative change without its sign."""
    return f"{100 * abs(change):.1f} %"


def count_text(number: int, what: str) -> str:
    """A number of things, in words."""
    return f"{'one' if number == 1 else number} {what}{'' if number == 1 else 's'}"
