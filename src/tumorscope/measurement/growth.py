"""Growth of a volume over time: an exponential fitted to it, and the time in which it doubles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

_YEAR_DAYS = 365.25

_STEADY = 0.005
"""A relative change per year below this, up or down, is not growth: doubling would take more than a century."""


@dataclass(frozen=True)
class Growth:
    """The exponential that fits some studies best: least squares of the logarithm of the volume.

    Attributes:
        first: index of the first study of the fit.
        studies: how many are in it: those with a date and a volume above zero.
        yearly: relative change in a year; None where it cannot be fitted.
        doubling_days: time in which the volume doubles; None where it does not grow.
        halving_days: time in which it halves; None where it does not shrink.
        r_squared: how much of the logarithm's variation the fit explains; None for two studies, which fit exactly.
        reason: why there is no doubling time; empty where there is one.
    """

    first: int
    studies: int
    yearly: float | None = None
    doubling_days: float | None = None
    halving_days: float | None = None
    r_squared: float | None = None
    reason: str = ""


def fit_growth(dates: Sequence[date | None], volumes_mm3: Sequence[float | None], first: int = 0) -> Growth:
    """Fit the studies from one of them on.

    >>> days = [date(2024, 1, 1), date(2024, 4, 10)]
    >>> round(fit_growth(days, [1000.0, 2000.0]).doubling_days, 6)
    100.0
    """
    known = [
        (day.toordinal(), volume)
        for day, volume in zip(dates[first:], volumes_mm3[first:], strict=True)
        if day is not None and volume
    ]
    if len({day for day, _volume in known}) < 2:
        missing = any(day is None for day in dates[first:])
        what = "not all studies have a date" if missing else "fewer than two dates show a volume"
        return Growth(first, len(known), reason=f"{what}; a doubling time needs two")
    days, logs = np.array([day for day, _volume in known], float), np.log([volume for _day, volume in known])
    centered = days - days.mean()
    rate = float(centered @ logs / (centered @ centered))
    rest = logs - logs.mean() - rate * centered
    variation = float(((logs - logs.mean()) ** 2).sum())
    # Overflows where days apart a tiny lesion became a large one.
    yearly = float(np.exp(min(rate * _YEAR_DAYS, 700.0)) - 1)
    time = float(np.log(2) / abs(rate)) if rate else None
    grows, shrinks = yearly > _STEADY, yearly < -_STEADY
    return Growth(
        first,
        len(known),
        yearly=yearly,
        doubling_days=time if grows else None,
        halving_days=time if shrinks else None,
        r_squared=1 - float(rest @ rest) / variation if len(known) > 2 and variation else None,
        reason="" if grows else f"the volume {'shrinks' if shrinks else 'does not change'}, so it does not double",
    )
