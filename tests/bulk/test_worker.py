"""What one actor does with a case, without Ray."""

import pickle
import re
from dataclasses import replace

import pytest

pytest.importorskip("pyarrow")


from tumorscope.core.errors import TumorscopeError
from tumorscope.core.faults import FAULT_LOG
from tumorscope.studies.bulk import ray_actor as working
from tumorscope.studies.bulk.case_claims import Attempts
from tumorscope.studies.bulk.job import Job, machine_kind
from tumorscope.studies.bulk.ray_actor import CaseWorker, case_row
from tumorscope.studies.case import AnalysisOptions, Case


class FakePool:
    """An engine pool of no shipped bundle; a case that gets as far as its engine is not for these tests."""

    bundles = ()


@pytest.fixture
def job(tmp_path):
    kind = machine_kind("onnxruntime", "float")
    return Job(tmp_path / "out", "lgg", "onnxruntime", "float", AnalysisOptions(), kind)


@pytest.fixture
def worker(job, monkeypatch):
    monkeypatch.setattr(working, "EnginePool", lambda *arguments: FakePool())
    return CaseWorker(job, Attempts())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TumorscopeError("scan.png: empty"), "scan.png: empty"),
        (MemoryError(), "scan.png: not enough memory"),
        (
            KeyError("DOE^JOHN"),
            r"scan.png: a fault of the program, not of the case \(KeyError in test_worker.py, line \d+\); its traceback .*",
        ),
    ],
)
def test_any_error_of_a_case_becomes_a_row_with_its_reason(worker, tmp_path, monkeypatch, error, said):
    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr("tumorscope.studies.case.open_scan", fails)
    found = worker(case_row(Case(tmp_path / "scan.png"), "scan", 1))
    assert found["result"] == b""
    row = pickle.loads(found["failure"])
    assert (row["source"], row["label"]) == ("scan", "scan.png")
    assert re.fullmatch(said, row["failure"])
    assert worker.attempts._claims.held_by(None) == []
    logged = tmp_path / "out" / FAULT_LOG
    assert logged.exists() == isinstance(error, KeyError)
    assert not logged.exists() or ("in fails" in logged.read_text() and "DOE" not in logged.read_text())


def test_a_machine_that_would_run_another_model_takes_no_part(job):
    with pytest.raises(TumorscopeError, match="would run onnxruntime, float, others openvino, .*give --engine"):
        CaseWorker(replace(job, machine="openvino, float"), Attempts())
