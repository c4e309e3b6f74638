"""The growth curve: the volume of every visit over time, and the exponential fitted to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tumorscope.measurement.follow_up import FollowUp, Visit
from tumorscope.measurement.growth import Growth
from tumorscope.reporting.templating import render

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT = 720, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 20, 18, 44
_ROOM = 40
"""Beside the first and the last visit, for their labels."""

_MOST_TICKS = 6
_CURVE_STEPS = 48
_COLORS = {None: "#51606f", "CR": "#2d7d46", "PR": "#2d7d46", "SD": "#1f4b73", "PD": "#b3261e"}


@dataclass(frozen=True)
class Point:
    """A visit: its position in the chart, what is beside it, and its values in words."""

    x: float
    y: float
    above: str
    below: str
    color: str
    words: str


@dataclass(frozen=True)
class Tick:
    """A tick on the axis of volumes."""

    y: float
    text: str


@dataclass(frozen=True)
class GrowthChart:
    """The content of the chart's template."""

    width: int
    height: int
    left: int
    right: int
    base: int
    points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    curves: tuple[str, ...]
    dated: bool


def draw_growth(found: FollowUp) -> Markup:
    """The chart as SVG; visits without a volume are left out, and without dates visits are evenly spaced."""
    return render("growth.svg.j2", "html", chart=growth_chart(found))


def growth_chart(found: FollowUp) -> GrowthChart:
    """Lay out the chart."""
    dated = all(visit.day is not None for visit in found.visits)
    times = [_days(visit, found.visits[0]) if dated else float(number) for number, visit in enumerate(found.visits)]
    highest = max((visit.volume_mm3 or 0.0 for visit in found.visits), default=0.0) / 1000
    step = _round_step(highest or 1.0)
    top = step * math.ceil((highest or 1.0) / step + 0.15)
    span = max(times) or 1.0
    base = _HEIGHT - _BOTTOM

    def x_of(time: float) -> float:
        return round(_LEFT + _ROOM + time / span * (_WIDTH - _LEFT - _RIGHT - 2 * _ROOM), 1)

    def y_of(ml: float) -> float:
        return round(base - ml / top * (base - _TOP), 1)

    points = []
    for number, (visit, time) in enumerate(zip(found.visits, times, strict=True)):
        if visit.volume_mm3 is None:
            continue
        category = None if visit.by_volume is None else visit.by_volume.category
        ml = visit.volume_mm3 / 1000
        name = visit.study.origin.study_date or f"study {number + 1}"
        above = f"{ml:,.2f} ml" + (f", {category}" if category else "")
        points.append(Point(x_of(time), y_of(ml), above, name, _COLORS[category], f"{name}: {above}"))
    curves = [
        _curve(growth, found, times, x_of, y_of, top) for growth in (found.growth, found.growth_since_nadir) if growth
    ]
    ticks = tuple(Tick(y_of(step * each), f"{step * each:g}") for each in range(round(top / step) + 1))
    return GrowthChart(
        _WIDTH, _HEIGHT, _LEFT, _WIDTH - _RIGHT, base, tuple(points), ticks, tuple(filter(None, curves)), dated
    )


def _curve(growth: Growth, found: FollowUp, times: list[float], x_of, y_of, top: float) -> str:
    """The fitted exponential as an SVG path through the visits that it was fitted to; empty where there is none."""
    if growth.yearly is None:
        return ""
    used = [
        (times[number], math.log(visit.volume_mm3))
        for number, visit in enumerate(found.visits)
        if number >= growth.first and visit.volume_mm3 and visit.day is not None
    ]
    rate = math.log1p(growth.yearly) / 365.25
    middle, height = (sum(values) / len(used) for values in zip(*used, strict=True))
    start, end = used[0][0], used[-1][0]
    places = []
    for each in range(_CURVE_STEPS + 1):
        time = start + (end - start) * each / _CURVE_STEPS
        ml = math.exp(height + rate * (time - middle)) / 1000
        if ml <= top:
            places.append(f"{x_of(time)} {y_of(ml)}")
    return "M" + "L".join(places) if places else ""


def _days(visit: Visit, baseline: Visit) -> float:
    first, day = baseline.day or date.min, visit.day or date.min
    return (day - first) / timedelta(days=1)


def _round_step(highest: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten with few ticks up to a value."""
    scale = 10.0 ** math.floor(math.log10(highest / _MOST_TICKS))
    return next(step * scale for step in (1, 2, 5, 10) if highest / (step * scale) <= _MOST_TICKS)
