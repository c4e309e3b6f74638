"""``report.html``: one self-contained page without scripts that loads nothing."""

from __future__ import annotations

from tumorscope.reporting.report_content import Report
from tumorscope.reporting.templating import TEMPLATES, render


def render_html(report: Report) -> bytes:
    """The report as the content of its file."""
    from markupsafe import Markup

    style = Markup((TEMPLATES / "report.css").read_text("utf-8"))
    return render("report.j2", "html", report=report, style=style).encode()
