"""Results and failures of cases as Parquet: folders of files, to which rows are only added."""

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
        ("enhancing_volume_mm3", pa.float64()),
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
"""``source`` is the input and ``case`` the folder of results; ``input_rejected`` is the code of the reason, null where
the scan was assessed; ``seconds`` is elapsed time and ``cpu_seconds`` the time of all cores, from reading to writing;
the rest is as in ``analysis.json``."""
FAILURES = pa.schema([("source", pa.string()), ("label", pa.string()), ("failure", pa.string())])
"""One row per case without results, with the reason."""


def result_row(outcome: Outcome, source: str, seconds: float, cpu_seconds: float) -> dict[str, Any]:
    """The row of a case that was analyzed."""
    findings = outcome.findings
    assert findings is not None
    return {
        "source": source,
        "case": outcome.case,
        "input_rejected": None if findings.rejection is None else findings.rejection.code,
        "tumor_present": findings.tumor_present,
        "tumor_probability": findings.tumor_probability,
        "tumor_type": findings.tumor_type.name if findings.tumor_type else None,
        "volume_mm3": findings.volume_mm3,
        "enhancing_volume_mm3": findings.enhancing_volume_mm3,
        "lesions": findings.lesions,
        "slices": findings.slices,
        "dice": outcome.dice,
        "bundle": findings.bundle,
        "bundle_sha256": findings.bundle_sha256,
        "runtime": findings.runtime,
        "precision": findings.precision,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
    }


class Table:
    """A folder of Parquet files of one schema. One process writes it.

    Args:
        folder: created with the first rows.
        schema: of the rows.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.folder = folder
        self.schema = schema
        self._next = 1 + max(
            (int(path.stem.removeprefix("part-")) for path in folder.glob("part-*.parquet")), default=0
        )

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write the rows as one more file, complete or not at all."""
        if not rows:
            return
        content = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(list(rows), schema=self.schema), content)
        save_whole(self.folder / f"part-{self._next:06d}.parquet", content.getvalue())
        self._next += 1

    def read(self, columns: Sequence[str] | None = None, of: Sequence[str] | None = None) -> pa.Table:
        """All rows or those of some sources, with all columns or some."""
        if not self.folder.is_dir():
            return self.schema.empty_table().select(list(columns or self.schema.names))
        chosen = None if of is None else compute.field("source").isin(pa.array(of, pa.string()))
        return dataset.dataset(self.folder, self.schema, format="parquet").to_table(
            list(columns) if columns else None, chosen
        )
