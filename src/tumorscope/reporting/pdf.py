"""``report.pdf``: the same report on A4 paper, tagged for screen readers (PDF/UA-1)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from tumorscope.reporting.report import Report
from tumorscope.reporting.templating import TEMPLATES, render

if TYPE_CHECKING:
    from typst import Fonts, PDFStandard

_FONTS = Path(__file__).parent / "fonts"


def render_pdf(report: Report) -> bytes:
    """The report as the content of its file.

    It is set by Typst from sources in memory. The only folder it may read is an empty one,
    and it needs no network. The same report gives the same bytes.

    Signs that none of the fonts here has (``fonts/README.md``) are taken from the system's
    fonts; the file is then as readable as those allow, and still tagged, but no longer
    promises to be PDF/UA.
    """
    import typst

    sources = {
        "main.typ": render("report.j2", "typst", report=report, style="").encode(),
        "report.typ": (TEMPLATES / "report.typ").read_bytes(),
        **{f"{figure.name}.svg": figure.svg.encode() for figure in report.metrics},
    }
    try:
        return _set(sources, _fonts(), "ua-1")
    except typst.TypstError:  # a report that promises less is better than none
        return _set(sources, _fonts(system=True))


def _set(sources: dict[str, bytes], fonts: Fonts, *standards: PDFStandard) -> bytes:
    import typst

    with TemporaryDirectory() as empty:
        return typst.compile(
            cast(Any, sources),  # the stubs lag behind: files in memory are documented
            format="pdf",
            root=empty,
            package_path=empty,
            package_cache_path=empty,
            font_paths=fonts,
            ignore_system_fonts=True,  # ``fonts`` has them, where they are wanted
            pdf_standards=list(standards),
        )


@cache
def _fonts(*, system: bool = False) -> Fonts:
    import typst

    return typst.Fonts(include_system_fonts=system, include_embedded_fonts=False, font_paths=[_FONTS])
