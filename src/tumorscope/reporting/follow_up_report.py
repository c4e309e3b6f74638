"""The page of a follow-up: findings first, then growth, slices side by side, visits and lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tumorscope.core.notice import NOTICE
from tumorscope.core.scan import Scan
from tumorscope.measurement.follow_up import NOT_FOLLOWED, Assessment, FollowUp, Visit
from tumorscope.measurement.growth import Growth
from tumorscope.measurement.lesion_tracks import Track
from tumorscope.measurement.response import CATEGORY_NAMES
from tumorscope.reporting.figures import Figure
from tumorscope.reporting.follow_up_document import days_since
from tumorscope.reporting.follow_up_figure import visits_figure
from tumorscope.reporting.growth_chart import draw_growth
from tumorscope.reporting.report_tables import Column, Table
from tumorscope.reporting.templating import TEMPLATES, render
from tumorscope.reporting.wording import clean, region_text, volume_text

COUNTING_RULE = "Voxels that share a face, an edge or a corner (26 neighbors) are one lesion."
LIMITS_RULE = (
    "Near a limit the head's position alone may decide: turning it by 10° between studies changes the category by "
    "diameters in 4 to 9 % of pairs without a change of the lesion, by volume in 2 %. Such categories have a star."
)


@dataclass(frozen=True, eq=False)
class FollowUpReport:
    """The parts of the page, in its order.

    Attributes:
        case: the name of the latest study.
        notice: on top and at the end.
        progressive: whether the latest visit shows progression by either measure.
        finding: the latest visit in one sentence.
        rules: the rules that decided it.
        facts: the main values, each with its name.
        growth: the curve.
        visits: one row per visit.
        lesions: one row per lesion's track, or None where lesions are not matched.
        slices: side by side, or None.
        method: how the studies were compared.
        notes: what a reader should know.
        not_assessed: what RANO requires beside.
    """

    case: str
    notice: str
    progressive: bool
    finding: str
    rules: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    growth: Figure
    visits: Table
    lesions: Table | None
    slices: Figure | None
    method: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    not_assessed: tuple[str, ...]


def build_follow_up_report(found: FollowUp, scans: Sequence[Scan | None], alignment: Sequence[str]) -> FollowUpReport:
    """Put a follow-up into words, tables and figures.

    Args:
        found: the studies.
        scans: the images of each visit, on the grid of its mask, or None.
        alignment: for each study how it came into the baseline's frame, in words.
    """
    last = found.visits[-1]
    found_by = [each for each in (last.by_diameters, last.by_volume) if each is not None]
    return FollowUpReport(
        case=clean(last.study.name).strip() or "Unnamed case",
        notice=NOTICE,
        progressive=any(each.category == "PD" for each in found_by),
        finding=_finding(last),
        rules=tuple(
            f"By {measure}: {each.rule}." for measure, each in zip(("diameters", "volume"), found_by, strict=True)
        ),
        facts=_facts(found),
        growth=Figure("growth", draw_growth(found), "Volume over time.", _growth_caption(found)),
        visits=_visits_table(found),
        lesions=_lesions_table(found),
        slices=visits_figure(found, scans),
        method=tuple(
            (_name(number, visit), f"{clean(visit.study.name)}: {how}")
            for number, (visit, how) in enumerate(zip(found.visits, alignment, strict=True))
        ),
        notes=tuple(clean(note.text, 400) for note in found.notes),
        not_assessed=NOT_FOLLOWED,
    )


def render_follow_up(report: FollowUpReport) -> bytes:
    """The page as the content of its file: self-contained, without scripts."""
    from markupsafe import Markup

    style = Markup((TEMPLATES / "report.css").read_text("utf-8"))
    return render("follow_up.j2", "html", report=report, style=style).encode()


def category_words(found: Assessment | None) -> str:
    """A category in a few words.

    >>> category_words(Assessment("PD", "")), category_words(Assessment(None, "")), category_words(None)
    ('PD, progressive disease', 'not evaluated', 'baseline')
    """
    if found is None:
        return "baseline"
    return "not evaluated" if found.category is None else f"{found.category}, {CATEGORY_NAMES[found.category]}"


def growth_words(growth: Growth) -> str:
    """The doubling time, or why there is none.

    >>> growth_words(Growth(0, 2, yearly=1.0, doubling_days=365.25))
    '365 days (12.0 months), 100 % more per year, by 2 studies'
    >>> growth_words(Growth(0, 1, reason="the volume shrinks, so it does not double"))
    'not defined: the volume shrinks, so it does not double'
    """
    if growth.doubling_days is None:
        halving = "" if growth.halving_days is None else f"; it halves in {growth.halving_days:,.0f} days"
        return f"not defined: {growth.reason}{halving}"
    fit = "" if growth.r_squared is None else f", R² {growth.r_squared:.3f}"
    months = growth.doubling_days / 30.4375
    yearly = 100 * (growth.yearly or 0)
    change = f"{yearly:,.0f} % more per year" if yearly < 10_000 else f"{yearly / 100:,.0f}-fold per year"
    return f"{growth.doubling_days:,.0f} days ({months:,.1f} months), {change}, by {growth.studies} studies{fit}"


def _finding(last: Visit) -> str:
    by_diameters, by_volume = category_words(last.by_diameters), category_words(last.by_volume)
    when = last.study.origin.study_date or "the latest study"
    if by_diameters == by_volume:
        return f"{when}: {by_diameters}, by diameters and by volume."
    return f"{when}: {by_diameters}, by diameters; {by_volume}, by volume."


def _facts(found: FollowUp) -> tuple[tuple[str, str], ...]:
    last = found.visits[-1]
    facts = [("Studies", str(len(found.visits)))]
    if last.volume_mm3 is not None:
        facts.append(("Volume now", f"{last.volume_mm3 / 1000:,.2f} ml"))
    for name, each in (("diameters", last.by_diameters), ("volume", last.by_volume)):
        if each is not None and each.from_nadir is not None and each.nadir is not None:
            facts.append((f"Since baseline, by {name}", _change(each.from_baseline)))
            facts.append((f"Since nadir ({_name(each.nadir, found.visits[each.nadir])})", _change(each.from_nadir)))
    facts.append(("Volume doubling time", _doubling(found.growth)))
    if found.growth_since_nadir is not None:
        facts.append(("Doubling time since the smallest volume", _doubling(found.growth_since_nadir)))
    return tuple(facts)


def _doubling(growth: Growth) -> str:
    return "not defined" if growth.doubling_days is None else f"{growth.doubling_days:,.0f} days"


def _visits_table(found: FollowUp) -> Table:
    columns = (
        Column("Visit", number=False), Column("Days"), Column("Lesions"), Column("New"), Column("Gone"),
        Column("Volume (ml)"), Column("Longest × perpendicular (mm)"), Column("Sum of products (mm²)"),
        Column("By diameters", number=False), Column("By volume", number=False),
    )  # fmt: skip
    rows = tuple(_visit_row(number, visit, found.visits[0]) for number, visit in enumerate(found.visits))
    note = f"{COUNTING_RULE} Diameters are those of the lesion with the largest product. {LIMITS_RULE}"
    caption = (
        "Categories of RANO 2.0: response against the baseline (products 50 %, volume 65 % less), progression against "
        "the nadir (25 %, 40 % more)."
    )
    return Table(caption, columns, rows, None, note)


def _visit_row(number: int, visit: Visit, baseline: Visit) -> tuple[str, ...]:
    days = days_since(visit, baseline)
    largest = max(
        (one.diameters for one in visit.study.lesions if one.diameters), key=lambda one: one.product, default=None
    )
    lengths = "–"
    if largest is not None and visit.study.affine is not None:
        lengths = f"{largest.longest.length:.1f} × {largest.perpendicular.length:.1f}"
    return (
        _name(number, visit),
        "–" if days is None else str(days),
        str(len(visit.study.lesions)),
        str(len(visit.new)) if number else "–",
        str(visit.vanished) if number else "–",
        "–" if visit.volume_mm3 is None else f"{visit.volume_mm3 / 1000:,.2f}",
        lengths,
        "–" if visit.products_mm2 is None else f"{visit.products_mm2:,.0f}",
        _cell(visit.by_diameters),
        _cell(visit.by_volume),
    )


def _cell(found: Assessment | None) -> str:
    if found is None:
        return "baseline"
    return (found.category or "–") + (" *" if found.near_limit else "")


def _lesions_table(found: FollowUp) -> Table | None:
    if not found.tracks:
        return None
    located = any(lesion.location is not None for visit in found.visits for lesion in visit.study.lesions)
    columns = (
        Column("Lesion"),
        *([Column("Region", number=False)] if located else []),
        *(Column(_name(number, visit)) for number, visit in enumerate(found.visits)),
    )
    rows = []
    for number, track in enumerate(found.tracks, start=1):
        target = " (target)" if set(track[0]) & set(found.targets) else ""
        cells = []
        for visit, own in zip(found.visits, track, strict=True):
            lesions = [visit.study.lesions[index] for index in own]
            cells.append(" + ".join(volume_text(one.voxels, one.volume_mm3) for one in lesions) or "–")
        rows.append((f"{number}{target}", *([_region(found, track)] if located else []), *cells))
    note = "Region by an atlas, at the first visit that shows the lesion and names it." if located else ""
    caption = "Each lesion's volume at every visit; several where it split or merged."
    return Table(caption, columns, tuple(rows), None, note)


def _region(found: FollowUp, track: Track) -> str:
    """Where a lesion is, by the first visit that says so."""
    lesions = (visit.study.lesions[index] for visit, own in zip(found.visits, track, strict=True) for index in own)
    return next((region_text(lesion) for lesion in lesions if lesion.location is not None), "–")


def _growth_caption(found: FollowUp) -> str:
    parts = ["Total volume at each visit, with RANO's category by volume."]
    if found.growth.yearly is not None:
        parts.append(f"Line: the exponential that fits best. Volume doubling time: {growth_words(found.growth)}.")
    else:
        parts.append(f"Volume doubling time: {growth_words(found.growth)}.")
    if found.growth_since_nadir is not None and found.growth_since_nadir.yearly is not None:
        parts.append(f"Dashed: from the smallest volume on: {growth_words(found.growth_since_nadir)}.")
    return " ".join(parts)


def _name(number: int, visit: Visit) -> str:
    return visit.study.origin.study_date or f"study {number + 1}"


def _change(change: float | None) -> str:
    return "–" if change is None else f"{100 * change:+.1f} %".replace("-", "−")
