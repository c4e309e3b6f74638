"""`tumorscope table`: one table for all cases of a folder of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ParquetOption = Annotated[
    bool, typer.Option("--parquet", help="Also write the table of all cases as Parquet (needs pyarrow).")
]


def command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder that `analyze` wrote.", show_default=False)],
    parquet: ParquetOption = False,
) -> None:
    """Make OUT/cases.csv from the analysis.json files in OUT: one row per case."""
    from tumorscope.core.files import save_together
    from tumorscope.reporting.case_table import PARQUET_FILE, TABLE_FILE, encode_csv, encode_parquet, rows_of

    rows = rows_of(out)
    contents = {TABLE_FILE: encode_csv(rows)}
    if parquet:
        contents[PARQUET_FILE] = encode_parquet(rows)
    files = save_together(out, contents)
    cases = "one case" if len(rows) == 1 else f"{len(rows)} cases"
    typer.echo(f"{cases}: {', '.join(map(str, files.values()))}")
