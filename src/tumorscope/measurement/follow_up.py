"""A tumor followed through any number of studies: sizes, growth, and RANO's category of every visit.

RANO 2.0 (Wen et al., J Clin Oncol 2023;41:5187) assesses response against the baseline and progression against the
nadir, the smallest size of the baseline and all later studies before this one. It has limits for the sum of products of
diameters (50 % less, 25 % more) and for volumes (65 % less, 40 % more). Target lesions are chosen at the baseline; at most
five, as in RANO of 2010. That number and the limits by volume are not verified against the text of RANO 2.0
(``docs/explanation/definitions.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tumorscope.core.note import Note
from tumorscope.measurement.growth import Growth, fit_growth
from tumorscope.measurement.lesion_matches import Match
from tumorscope.measurement.lesion_tracks import Track, track_lesions
from tumorscope.measurement.lesions import unknown_volumes
from tumorscope.measurement.response import (
    MINOR,
    MOST_TARGETS,
    NOT_ASSESSED,
    PARTIAL,
    PROGRESSIVE,
    Category,
    Timepoint,
    became_measurable,
    comparison_notes,
    count_text,
    percent_text,
    product_of,
)

NOT_FOLLOWED = tuple(item for item in NOT_ASSESSED if not item.startswith("the nadir"))
"""What RANO requires and masks do not show; the nadir is known here."""

NEAR = 0.05
"""A change nearer to a limit than this may cross it by the head's position alone: turning a head by 10° between studies
changes the category by diameters in 4 to 9 % of pairs without a change of the lesion, by volume in 2 %."""


@dataclass(frozen=True)
class Criteria:
    """The limits of one measure.

    Attributes:
        measure: which one.
        what: its name in sentences.
        partial, progressive, minor: relative changes to this or less, this or more, this or less.
    """

    measure: Literal["diameters", "volume"]
    what: str
    partial: float
    progressive: float
    minor: float


BY_DIAMETERS = Criteria("diameters", "the sum of products", PARTIAL, PROGRESSIVE, MINOR)
BY_VOLUME = Criteria("volume", "the volume", -0.65, 0.40, -0.40)


@dataclass(frozen=True)
class Assessment:
    """RANO's category of a visit by one measure.

    Attributes:
        category: None where it cannot be assessed.
        rule: the rule that decided, or why none could.
        from_baseline, from_nadir: relative changes; None where there was nothing, or nothing is known.
        nadir: index of the study with the smallest size before.
        near_limit: whether a limit is so near that the head's position alone may decide.
    """

    category: Category | None
    rule: str
    from_baseline: float | None = None
    from_nadir: float | None = None
    nadir: int | None = None
    near_limit: bool = False


@dataclass(frozen=True, eq=False)
class Visit:
    """One study among the others.

    Attributes:
        study: its lesions.
        day: its date.
        volume_mm3: of all lesions; None where it is not known.
        products_mm2: the sum over target lesions; None where the voxel size is not known.
        new: indices of lesions that no earlier study shows.
        vanished: how many lesions of the study before are gone.
        by_diameters, by_volume: None for the baseline.
    """

    study: Timepoint
    day: date | None
    volume_mm3: float | None
    products_mm2: float | None
    new: tuple[int, ...] = ()
    vanished: int = 0
    by_diameters: Assessment | None = None
    by_volume: Assessment | None = None


@dataclass(frozen=True, eq=False)
class FollowUp:
    """All studies of a patient.

    Attributes:
        visits: in the order of time, the baseline first.
        tracks: lesions through the studies; None where positions cannot be compared.
        targets: the target lesions: indices of the baseline's lesions.
        growth: of the volume over all studies.
        growth_since_nadir: from the smallest volume on, where that is neither the first study nor the last.
        notes: what a reader of the categories should know.
    """

    visits: tuple[Visit, ...]
    tracks: tuple[Track, ...] | None
    targets: tuple[int, ...]
    growth: Growth
    growth_since_nadir: Growth | None
    notes: tuple[Note, ...]


def follow(studies: Sequence[Timepoint], *, registered: bool = False, force: bool = False) -> FollowUp:
    """Follow a patient through studies.

    Args:
        studies: two or more, in the order of time.
        registered: whether all are in one frame of reference, whatever their grids.
        force: follow them although they differ in patient, bundle or sequences, or are in the wrong order.

    Raises:
        TumorscopeError: they differ in one of these.
    """
    notes = _notes(studies, force)
    tracks = track_lesions(studies, registered)
    if tracks is None:
        what = (
            "the studies are not in one frame, so lesions are not matched and new ones are not distinguished from old"
        )
        notes.append(Note("unmatched_lesions", what))
    baseline = studies[0]
    targets = tuple(sorted(baseline.measurable, key=lambda index: -product_of(baseline.lesions[index])))[:MOST_TARGETS]
    if len(baseline.measurable) > MOST_TARGETS:
        what = f"{len(baseline.measurable)} measurable lesions in the baseline; the {MOST_TARGETS} largest are followed"
        notes.append(Note("target_limit", what))
    history = _History(tuple(studies), tracks, targets)
    volumes = [study.volume_mm3 for study in studies]
    products = [history.products_mm2(number) for number in range(len(studies))]
    visits = tuple(
        Visit(
            study,
            _day(study),
            volumes[number],
            products[number],
            history.new(number),
            history.vanished(number),
            _assess(history, number, products, BY_DIAMETERS) if number else None,
            _assess(history, number, volumes, BY_VOLUME) if number else None,
        )
        for number, study in enumerate(studies)
    )
    days = [visit.day for visit in visits]
    known = [volume for volume in volumes if volume is not None]
    lowest = volumes.index(min(known)) if known else 0
    since = fit_growth(days, volumes, lowest) if 0 < lowest < len(studies) - 1 and volumes[lowest] else None
    return FollowUp(visits, tracks, targets, fit_growth(days, volumes), since, tuple(dict.fromkeys(notes)))


@dataclass(frozen=True, eq=False)
class _History:
    """The studies with their lesions' tracks."""

    studies: tuple[Timepoint, ...]
    tracks: tuple[Track, ...] | None
    targets: tuple[int, ...]

    def products_mm2(self, number: int) -> float | None:
        """The sum of products over the target lesions, wherever they are matched; else over as many of the largest."""
        study = self.studies[number]
        if study.affine is None:
            return None
        if self.tracks is None:
            products = sorted((product_of(lesion) for lesion in study.lesions), reverse=True)
            return sum(products[: min(MOST_TARGETS, max(len(self.targets), len(study.measurable)))])
        if number == 0:
            return sum(product_of(study.lesions[index]) for index in self.targets)
        followed = [track[number] for track in self.tracks if set(track[0]) & set(self.targets)]
        return sum(product_of(study.lesions[index]) for own in followed for index in own)

    def new(self, number: int) -> tuple[int, ...]:
        """Lesions that no earlier study shows."""
        if self.tracks is None or number == 0:
            return ()
        return tuple(sorted(index for track in self.tracks if not any(track[:number]) for index in track[number]))

    def vanished(self, number: int) -> int:
        """How many lesions of the study before are gone."""
        if self.tracks is None or number == 0:
            return 0
        return sum(bool(track[number - 1]) and not track[number] for track in self.tracks)

    def matches(self, before: int, after: int) -> tuple[Match, ...]:
        """The tracks as matches of two studies."""
        return tuple(Match(track[before], track[after]) for track in self.tracks or ())

    def came_after_baseline(self, number: int) -> int | None:
        """The study in which a measurable lesion that is still there came up after the baseline, if one did."""
        came = [
            next(index for index, own in enumerate(track) if own)
            for track in self.tracks or ()
            if not track[0] and any(self.studies[number].lesions[index].measurable for index in track[number])
        ]
        return min(came, default=None)

    def returned(self, number: int) -> bool:
        """Whether a measurable lesion is back that an earlier study showed and the one before does not."""
        return any(
            any(track[:number])
            and not track[number - 1]
            and any(self.studies[number].lesions[index].measurable for index in track[number])
            for track in self.tracks or ()
        )

    def name(self, number: int) -> str:
        """A study in a sentence."""
        return self.studies[number].origin.study_date or f"study {number + 1}"


def _assess(history: _History, number: int, sizes: Sequence[float | None], criteria: Criteria) -> Assessment:
    """The category of one study; progression is checked first, as one sign of it is enough."""
    size, earlier = sizes[number], [(value, index) for index, value in enumerate(sizes[:number]) if value is not None]
    if size is None or sizes[0] is None or len(earlier) < number:
        return Assessment(None, f"{criteria.what} is not known in all studies up to this one")
    lowest, nadir = min(earlier)
    from_baseline, from_nadir = _change(sizes[0], size), _change(lowest, size)
    category, rule = _decide(history, number, nadir, (from_baseline, from_nadir), criteria)
    near = any(
        change is not None and abs(change - limit) < NEAR
        for change, limit in ((from_baseline, criteria.partial), (from_nadir, criteria.progressive))
    )
    return Assessment(category, rule, from_baseline, from_nadir, nadir, near)


def _decide(
    history: _History, number: int, nadir: int, changes: tuple[float | None, float | None], criteria: Criteria
) -> tuple[Category | None, str]:
    study, baseline = history.studies[number], history.studies[0]
    if not any(each.lesions for each in history.studies[: number + 1]):
        return None, "no study up to this one shows a lesion, so there is no response to assess"
    progression = _progression(history, number, nadir, changes[1], criteria)
    if progression is not None:
        return "PD", progression
    if not study.lesions:
        if baseline.measurable:
            return "CR", "no lesion is left: disappearance of all lesions is a complete response"
        return "SD", "all lesions are gone, but none was measurable: stable disease is then the best response"
    if criteria.measure == "diameters" and not history.targets:
        return "SD", "no lesion of the baseline is measurable: without progression this is stable disease"
    return _response(history, number, nadir, changes, criteria)


def _progression(
    history: _History, number: int, nadir: int, from_nadir: float | None, criteria: Criteria
) -> str | None:
    """The rule by which a study shows progression, or None."""
    study = history.studies[number]
    new = [index for index in history.new(number) if study.lesions[index].measurable]
    if new:
        return f"{count_text(len(new), 'new measurable lesion')}: any new lesion is progression"
    if history.returned(number):
        return "a lesion that had vanished is back and measurable: that is progression"
    limit = f"{100 * criteria.progressive:.0f} % or more"
    if from_nadir is not None and from_nadir >= criteria.progressive:
        since = "baseline" if nadir == 0 else "nadir"
        grown = f"{criteria.what} grew by {percent_text(from_nadir)} since the {since} ({history.name(nadir)})"
        return f"{grown}: {limit} above the nadir is progression"
    if criteria.measure == "diameters":
        grown_lesions = became_measurable(history.studies[nadir], study, history.matches(nadir, number))
        if grown_lesions:
            what = f"{count_text(grown_lesions, 'lesion')} became measurable since {history.name(nadir)}"
            return f"{what}, by more than 5 mm or 25 %: that is progression"
    return None


def _response(
    history: _History, number: int, nadir: int, changes: tuple[float | None, float | None], criteria: Criteria
) -> tuple[Category | None, str]:
    """The category of a study without progression that shows a lesion."""
    from_baseline, from_nadir = changes
    if from_baseline is None:
        return "SD", "the baseline shows nothing to compare with: without progression this is stable disease"
    way = _way(from_baseline)
    if from_baseline <= criteria.partial:
        came = history.came_after_baseline(number)
        if came is not None:
            return "SD", f"{criteria.what} {way}, but a lesion that came up in {history.name(came)} is still there"
        limit = f"{-100 * criteria.partial:.0f} % or more below the baseline"
        return "PR", f"{criteria.what} {way} since the baseline ({history.name(0)}): {limit} is a partial response"
    less, more = -100 * criteria.partial, 100 * criteria.progressive
    nadir_words = (
        "" if nadir == 0 or from_nadir is None else f" and {_way(from_nadir)} since the nadir ({history.name(nadir)})"
    )
    return "SD", (
        f"{criteria.what} {way} since the baseline{nadir_words}: less than {less:.0f} % below the baseline and less than "
        f"{more:.0f} % above the nadir is stable disease"
    )


def _notes(studies: Sequence[Timepoint], force: bool) -> list[Note]:
    """What is known against following these studies, and which volumes are not known."""
    notes: list[Note] = []
    for number, after in enumerate(studies):
        for before in studies[max(0, number - 1) : number]:
            notes += comparison_notes(before, after, force)
        if number > 1:
            notes += comparison_notes(studies[0], after, force)
        notes += [
            note.about(after.origin.study_date or f"study {number + 1}") for note in unknown_volumes(after.lesions)
        ]
    return notes


def _way(change: float) -> str:
    return (
        "did not change" if abs(change) < 0.005 else f"{'grew' if change > 0 else 'shrank'} by {percent_text(change)}"
    )


def _change(before: float, after: float) -> float | None:
    return (after - before) / before if before else None


def _day(study: Timepoint) -> date | None:
    text = study.origin.study_date
    return None if text is None else date.fromisoformat(text)
