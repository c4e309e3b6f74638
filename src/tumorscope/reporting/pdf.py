"""``report.pdf``: the same report on A4 paper, tagged for screen readers (PDF/UA-1)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from tumorscope.reporting.report_content import Report
from tumorscope.reporting.templating import TEMPLATES, render

if TYPE_CHECKING:
    from typst import Fonts, PDFStandard

_FONTS = Path(__file__).parent / "fonts"


def render_pdf(report: Report) -> bytes:
    """The report as the content of its file.

    Typst sets it from sources in memory, with read access to an empty folder only and without a
    network. The same report gives the same bytes.

    Characters that the fonts here lack (``fonts/README.md``) come from the system's fonts; the file
    is then still tagged, but not declared as PDF/UA.
    """
    import typst

    sources = {
        "main.typ": render("report.j2", "typst", report=report, style="").encode(),
        "report.typ": (TEMPLATES / "report.typ").read_bytes(),
        **{f"{figure.name}.svg": figure.svg.encode() for figure in report.figures},
    }
    try:
        return _set(sources, _fonts(), "ua-1")
    except typst.TypstError:  # a report that is not PDF/UA is better than none
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
