"""``/api/studies.csv``: the list of studies as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from tumorscope.service.catalog import Catalog
from tumorscope.service.catalog_records import State, Study
from tumorscope.service.web.backend import BackendOfApp
from tumorscope.service.web.routes.responses import SearchText, StateFilter, problems
from tumorscope.service.web.study_table import csv_lines

router = APIRouter(tags=["studies"])

_AT_ONCE = 200


@router.get(
    "/api/studies.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **problems(422)},
    operation_id="get_studies_csv",
)
def get_studies_csv(backend: BackendOfApp, search: SearchText = None, state: StateFilter = None) -> StreamingResponse:
    """All matching studies as CSV, newest first, one row per study."""
    lines = csv_lines(_all_studies(backend.catalog, search or "", state or ()))
    headers = {"content-disposition": 'attachment; filename="studies.csv"', "cache-control": "private, no-cache"}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _all_studies(catalog: Catalog, search: str, states: Sequence[State]) -> Iterator[Study]:
    after = None
    while True:
        page = catalog.page(search, states, _AT_ONCE, after)
        yield from page.studies
        after = page.next
        if after is None:
            return
