import csv
import io

from service.web.conftest import Analyzed

from tumorscope.service.catalog_records import NewStudy, new_id
from tumorscope.service.web.study_table import COLUMNS


def table(client, query=""):
    response = client.get(f"/api/studies.csv{query}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def test_an_analyzed_study_has_the_values_of_its_summary(analyzed: Analyzed):
    summary = analyzed.client.get(analyzed.at).json()["summary"]
    (row,) = table(analyzed.client)
    assert tuple(row) == COLUMNS
    assert (row["study"], row["name"], row["state"], row["failure"]) == (analyzed.study, "case one", "done", "")
    assert float(row["tumor_probability"]) == summary["tumor_probability"]
    assert float(row["volume_mm3"]) == summary["volume_mm3"]
    assert int(row["slices"]) == summary["slices"] > 0
    assert row["tumor_present"] == str(summary["tumor_present"]).lower()
    assert row["sequences"].split() == summary["sequences"]
    assert row["revision"] == "1"


def test_all_matching_studies_are_in_the_table_whatever_their_number(client):
    catalog = client.app.state.backend.catalog
    for number in range(203):
        catalog.create(new_id(), f"case-{number}", "auto")
    assert len({row["study"] for row in table(client)}) == 203
    assert [row["name"] for row in table(client, "?search=case-17&state=queued")] == [
        *(f"case-{number}" for number in range(179, 169, -1)),
        "case-17",
    ]
    assert table(client, "?state=failed") == []


def test_a_name_is_no_formula_and_stays_one_cell(client):
    catalog = client.app.state.backend.catalog
    names = ['=HYPERLINK("http://x")', "@sum", 'quote " and, comma', "line\nbreak", "plain"]
    catalog.create_all([NewStudy(new_id(), name) for name in names], None)
    assert {row["name"] for row in table(client)} == {
        '\'=HYPERLINK("http://x")',
        "'@sum",
        'quote " and, comma',
        "line\nbreak",
        "plain",
    }
