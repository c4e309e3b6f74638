"""The slice chart: one bar of tumor probability and one of area per slice."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.figures import Figure
from tumorscope.reporting.slice_names import slice_number, slice_text
from tumorscope.reporting.templating import render
from tumorscope.reporting.wording import area_text, finding_sentence, probability_text

_WIDTH, _LEFT, _RIGHT = 720, 34, 6
_TOP, _PROBABILITY_HEIGHT, _SPACE, _AREA_HEIGHT, _BOTTOM = 8, 84, 24, 50, 32
_MOST_TICKS = 14


@dataclass(frozen=True)
class Bar:
    """One slice: positions and heights in the chart's units, and its values as text."""

    x: float
    width: float
    probability_y: float
    probability_height: float
    area_y: float
    area_height: float
    positive: bool
    words: str


@dataclass(frozen=True)
class Tick:
    """A tick on an axis: position and text."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """The content of the chart's template."""

    width: int
    height: int
    left: int
    right: int
    probability_base: int
    area_base: int
    area_top: int
    point_y: float
    point: str
    largest_area: str
    segmented: bool
    bars: tuple[Bar, ...]
    slice_ticks: tuple[Tick, ...]
    probability_ticks: tuple[Tick, ...]


def chart_figure(analysis: Analysis) -> Figure:
    """The chart as a figure."""
    chart = slice_chart(analysis)
    what = "Tumor probability and area of the mask" if chart.segmented else "Tumor probability"
    below = " Bars below: the area of its mask." if chart.segmented else ""
    return Figure(
        "chart",
        render("chart.svg.j2", "html", chart=chart),
        f"{what} of each slice. {finding_sentence(analysis)}",
        f"Bars above: each slice's tumor probability, dark where it counts as one with a tumor (dashed line: from {chart.point} "
        f"on).{below}",
    )


def slice_chart(analysis: Analysis) -> Chart:
    """Lay out the chart for a scan of any number of slices."""
    point = analysis.bundle.card.operating_point.presence
    right = _WIDTH - _RIGHT
    base = _TOP + _PROBABILITY_HEIGHT
    segmented = bool(analysis.lesions)
    area_top = base + _SPACE
    area_base = area_top + _AREA_HEIGHT if segmented else base
    step = (right - _LEFT) / len(analysis.slices)
    largest = max(analysis.slices, key=lambda finding: finding.area_px)
    bars = []
    for position, finding in enumerate(analysis.slices):
        height = _PROBABILITY_HEIGHT * min(max(finding.tumor_probability or 0.0, 0.0), 1.0)
        area = _AREA_HEIGHT * finding.area_px / max(largest.area_px, 1)
        probability, size = probability_text(finding.tumor_probability, 3), area_text(finding.area_px, finding.area_mm2)
        bars.append(
            Bar(
                x=round(_LEFT + position * step + step * 0.1, 2),
                width=round(step * 0.8, 2),
                probability_y=round(base - height, 2),
                probability_height=round(height, 2),
                area_y=round(area_base - area, 2),
                area_height=round(area, 2),
                positive=finding.reaches(point),
                words=f"{slice_text(analysis.scan, finding.index)}: probability {probability}, {size}",
            )
        )
    every = _tick_step(len(analysis.slices))
    return Chart(
        width=_WIDTH,
        height=area_base + _BOTTOM,
        left=_LEFT,
        right=right,
        probability_base=base,
        area_base=area_base,
        area_top=area_top,
        point_y=round(base - _PROBABILITY_HEIGHT * point, 2),
        point=f"{point:.2f}",
        largest_area=area_text(largest.area_px, largest.area_mm2),
        segmented=segmented,
        bars=tuple(bars),
        slice_ticks=tuple(
            Tick(round(_LEFT + (position + 0.5) * step, 2), str(slice_number(analysis.scan, position)))
            for position in range(0, len(analysis.slices), every)
        ),
        probability_ticks=tuple(Tick(base - _PROBABILITY_HEIGHT * part, f"{part:.1f}") for part in (0, 0.5, 1)),
    )


def _tick_step(slices: int) -> int:
    """The smallest round step with at most :data:`_MOST_TICKS` ticks."""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if slices / (step * scale) <= _MOST_TICKS:
                return step * scale
        scale *= 10
