"""The tables of ``docs/output.md``: the registry of outputs, the models of ``analysis.json``, the columns of ``cases.csv``.

``python -m tumorscope.reporting.documentation docs/output.md`` refreshes them; a test checks that they are current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tumorscope.reporting.analysis_document import AnalysisDocument
from tumorscope.reporting.case_table import COLUMNS
from tumorscope.reporting.outputs import OUTPUTS


def outputs_table() -> str:
    """The files of a case as a Markdown table."""
    rows = [f"| `{each.file}` | {each.description} | {each.condition or 'always'} |" for each in OUTPUTS]
    return "\n".join(("| file | content | written |", "|---|---|---|", *rows))


def keys_table() -> str:
    """The keys of ``analysis.json`` as a Markdown table."""
    fields = AnalysisDocument.model_fields
    rows = [f"| `{name}` | {field.description} |" for name, field in fields.items() if name != "schema_"]
    return "\n".join(("| key | meaning |", "|---|---|", *rows))


def columns_table() -> str:
    """The columns of ``cases.csv`` as a Markdown table."""
    rows = [f"| `{column.name}` | {column.description} |" for column in COLUMNS]
    return "\n".join(("| column | content |", "|---|---|", *rows))


def refreshed(page: str) -> str:
    """A Markdown page with each of the tables replaced by its current content."""
    tables = {table.partition("\n")[0]: table for table in (outputs_table(), keys_table(), columns_table())}
    blocks = page.split("\n\n")
    return "\n\n".join(tables.get(block.partition("\n")[0], block) for block in blocks)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")
