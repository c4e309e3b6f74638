"""What came of each case, as Parquet: a folder of files that only ever grows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute, dataset, parquet

from tumorscope.core.files import save_whole
from tumorscope.studies.case import Outcome

RESULTS = pa.schema(
    [
        ("source", pa.string()),
        ("case", pa.string()),
        ("input_rejected", pa.string()),
        ("tumor_present", pa.bool_()),
        ("tumor_probability", pa.float64()),
        ("tumor_type", pa.string()),
        ("volume_mm3", pa.float64()),
        ("lesions", pa.int32()),
        ("slices", pa.int32()),
        ("dice", pa.float64()),
        ("bundle", pa.string()),
        ("bundle_sha256", pa.string()),
        ("runtime", pa.string()),
        ("precision", pa.string()),
        ("seconds", pa.float64()),
        ("cpu_seconds", pa.float64()),
    ]
)
"""``source`` is what was opened and ``case`` its folder of results; ``seconds`` are by the clock and
``cpu_seconds`` of all cores, from reading to writing; the rest is as in ``analysis.json``."""
FAILURES = pa.schema([("source", pa.string()), ("label", pa.string()), ("failure", pa.string())])
"""One line a case that says why there are no results."""


def result_row(outcome: Outcome, source: str, seconds: float, cpu_seconds: float) -> dict[str, Any]:
    """The row of a case that was analyzed."""
    found = outcome.findings
    assert found is not None
    return {
        "source": source,
        "case": outcome.case,
        "input_rejected": None if found.rejection is None else found.rejection.code,
        "tumor_present": found.tumor_present,
        "tumor_probability": found.tumor_probability,
        "tumor_type": found.tumor_type.name if found.tumor_type else None,
        "volume_mm3": found.volume_mm3,
        "lesions": found.lesions,
        "slices": found.slices,
        "dice": outcome.dice,
        "bundle": found.bundle,
        "bundle_sha256": found.bundle_sha256,
        "runtime": found.runtime,
        "precision": found.precision,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
    }


class Table:
    """A folder of Parquet files of one schema. One process writes it.

    Args:
        folder: made with the first rows.
        schema: of the rows.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.folder = folder
        self.schema = schema
        self._next = 1 + max(
            (int(path.stem.removeprefix("part-")) for path in folder.glob("part-*.parquet")), default=0
        )

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write the rows as a further file, which is there whole or not at all."""
        if not rows:
            return
        content = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(list(rows), schema=self.schema), content)
        save_whole(self.folder / f"part-{self._next:06d}.parquet", content.getvalue())
        self._next += 1

    def read(self, columns: Sequence[str] | None = None, of: Sequence[str] | None = None) -> pa.Table:
        """All rows or those of some sources, and all of their columns or some."""
        if not self.folder.is_dir():
            return self.schema.empty_table().select(list(columns or self.schema.names))
        chosen = None if of is None else compute.field("source").isin(pa.array(of, pa.string()))
        return dataset.dataset(self.folder, self.schema, format="parquet").to_table(
            list(columns) if columns else None, chosen
        )
