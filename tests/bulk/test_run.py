"""Bulk analysis gives what the plain path gives, goes on where it stopped, and outlives bad cases."""

import io
import json
import os
import re
from dataclasses import dataclass

import pydicom
import pypdf
import pytest
from dicom_making import Grid, write_study

pytest.importorskip("ray")
parquet = pytest.importorskip("pyarrow.parquet")

from tumorscope.cli import running
from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_lgg_folder, write_nifti
from tumorscope.io import find_cases
from tumorscope.studies.bulk.ray_run import run_bulk
from tumorscope.studies.case import AnalysisOptions, Case

os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 would have its workers wait for every other test


@dataclass(frozen=True)
class Deadly(Case):
    """Ends the process that unpacks it, as a crash in a C library does."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images, volumes of one name, a DICOM study, and a folder whose image is none."""
    place = tmp_path_factory.mktemp("cases")
    for number in range(2):
        phantom = make_phantom([plausible_lesion(number)], seed=number, shape=(6, 96, 96))
        write_lgg_folder(phantom, place, case=f"TCGA_AX_{number:04d}_20000101")
    for number, patient in enumerate("abc"):
        phantom = make_phantom([plausible_lesion(number)] if number else [], seed=number, shape=(5, 96, 96))
        write_nifti(phantom, place / patient / "scan")
    write_study(place / "study", grids=Grid(shape=(5, 96, 96)))
    bad = place / "bad"
    bad.mkdir()
    (bad / "slice_1.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    return place


@pytest.fixture(scope="module")
def cases(folder):
    return [Case(path) for path in find_cases(folder)]


@pytest.fixture(scope="module")
def plain(cases, tmp_path_factory):
    """The results of the plain path."""
    out = tmp_path_factory.mktemp("plain")
    with pytest.raises(TumorscopeError, match="1 of 7 cases failed"):
        running.run_cases(
            [running.Case(case.path) for case in cases], out, "lgg", options=running.AnalysisOptions(explain=True)
        )
    return out


@pytest.fixture(scope="module")
def bulk(cases, folder, tmp_path_factory):
    """The results of one actor, interrupted after the first cases, and of two; one case kills its actor."""
    out = tmp_path_factory.mktemp("bulk")
    given, options = [*cases, Deadly(folder / "deadly")], AnalysisOptions(explain=True)
    steps = []

    def interrupt(done):
        steps.append(done)
        if len(steps) == 2:  # the first step are the cases that were skipped
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_bulk(given, out, "lgg", options=options, actors=1, on_done=interrupt)
    steps.append("again")
    summary = run_bulk(given, out, "lgg", options=options, actors=2, on_done=steps.append)
    return out, summary, steps


def contents(out):
    """Every file below the cases' folders, without what says when and how fast it was made."""
    return {
        path.relative_to(out).as_posix(): timeless(path.name, path.read_bytes())
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.parent != out and not path.relative_to(out).parts[0].startswith("_")
    }


def timeless(name, content):
    if name == "analysis.json":
        document = json.loads(content)
        assert document.pop("timing_ms")
        return document
    if name.endswith(".dcm"):
        dataset = pydicom.dcmread(io.BytesIO(content))
        for element in list(dataset.iterall()):
            if element.VR in ("DA", "TM", "DT"):
                element.value = None
        return dataset
    if name == "report.pdf":
        text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
        content = text.replace("\u200b", "").encode()  # where a line may break, which moves with the digits
    if name.startswith("report."):
        return re.sub(rb"[\d.,]+ m?s\b|\d+ \w+ \d{4}, \d\d:\d\d UTC\S+", b"", b" ".join(content.split()))
    return content


def rows(folder):
    return parquet.read_table(folder).to_pylist()


def test_two_actors_write_what_the_plain_path_writes_to_the_bit(plain, bulk):
    one, two = contents(plain), contents(bulk[0])
    assert one.keys() == two.keys()
    assert {name for name in one if name.endswith("dcm")} >= {"study/seg.dcm", "study/sr.dcm", "study/capture.dcm"}
    assert [name for name in one if one[name] != two[name]] == []


def test_cases_of_one_name_get_the_numbers_of_the_plain_path(folder, bulk):
    names = {row["source"]: row["case"] for row in rows(bulk[1].results)}
    numbered = [names[str(folder / patient / "scan")] for patient in "abc"]
    assert numbered == ["scan", "scan-2", "scan-3"]


def test_a_row_has_the_values_of_the_case_s_document(bulk):
    out, summary, _ = bulk
    for row in rows(summary.results):
        document = json.loads((out / row["case"] / "analysis.json").read_text())
        assert row["tumor_present"] == document["tumor_present"]
        assert row["tumor_probability"] == pytest.approx(document["tumor_probability"], abs=1e-6)
        assert (row["lesions"], row["slices"]) == (len(document["lesions"]), len(document["slices"]))
        made_by = [entry["bundle"] for entry in document["labels"] or [document]]
        assert row["bundle"] == "+".join(bundle["name"] for bundle in made_by)
        assert row["bundle_sha256"] == "+".join(bundle["sha256"] for bundle in made_by)


def test_bad_cases_are_named_and_stop_nobody(bulk):
    _, summary, _ = bulk
    failures = dict(summary.failures)
    assert failures == {row["label"]: row["failure"] for row in rows(summary.failed)}
    assert failures.keys() == {"bad", "deadly"}
    assert "damaged" in failures["bad"]
    assert failures["deadly"] == "its process crashed 2 times"
    assert (summary.cases, summary.analyzed) == (8, 6)


def test_an_interrupted_analysis_goes_on_with_the_rest(bulk):
    _, summary, steps = bulk
    first, again = steps[: steps.index("again")], steps[steps.index("again") + 1 :]
    assert first[0] == 0
    assert again[0] == summary.before == sum(first) > 0
    assert sum(again) == summary.cases
    assert len({row["source"] for row in rows(summary.results)}) == len(rows(summary.results))


def test_where_every_case_has_its_row_nothing_is_started(bulk, cases, monkeypatch):
    monkeypatch.setattr("ray.init", lambda *arguments, **options: pytest.fail("Ray was started"))
    summary = run_bulk(cases, bulk[0], "lgg", options=AnalysisOptions(explain=True))
    assert (summary.before, summary.analyzed, len(summary.failures)) == (7, 6, 1)


def test_all_cases_of_a_folder_have_the_same_settings(bulk, cases):
    with pytest.raises(TumorscopeError, match="differs in bundles, explain; name another folder"):
        run_bulk(cases, bulk[0], "t1c")


def test_a_cluster_that_is_not_there_is_one_clear_line(cases, tmp_path):
    with pytest.raises(TumorscopeError, match="--ray auto: no Ray cluster can be reached"):
        run_bulk(cases[:1], tmp_path / "out", "lgg", address="auto")
