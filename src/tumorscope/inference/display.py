"""How an analysis shows itself: as a short table, and with a thumbnail in Jupyter."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tumorscope.inference.analysis import Analysis


class Displayed:
    """Text and HTML of an analysis. What writes them is imported when they are asked for."""

    def __repr__(self) -> str:
        from tumorscope.reporting.overview import as_text

        return as_text(cast("Analysis", self))

    def _repr_html_(self) -> str:
        from tumorscope.reporting.overview import as_html

        return as_html(cast("Analysis", self))
