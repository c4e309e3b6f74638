"""A batch as its user sees it: rows as they come, one bad case among good ones, interrupted and resumed."""

from __future__ import annotations

import gc
import json
import shutil
import sys
import weakref
from pathlib import Path

import pytest
from dicom_making import Grid, write_series
from making import bright_flair

import tumorscope.studies.case
from tumorscope.cli import main
from tumorscope.cli.resuming import JOURNAL_FILE
from tumorscope.core.faults import FAULT_LOG
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti
from tumorscope.inference.engine import Engine
from tumorscope.reporting.case_table import TABLE_FILE

QUOTED = "of Jane Doe"
DOE = {"PatientName": "Müller^Jörg", "PatientID": "1"}


@pytest.fixture
def analyze(monkeypatch, capsys, tmp_path):
    """Run the command in an empty folder, without reports on paper; exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "tumorscope.inference.engine_pool.load_engine",
        lambda bundle, *how: Engine(bundle, "fake", "float", bright_flair),
    )

    def call(*arguments: object) -> tuple[int, str, str]:
        given = ("analyze", *map(str, arguments), "-o", "out", "--no-pdf", "--no-input-check", "--bundle", "lgg")
        monkeypatch.setattr(sys, "argv", ["tumorscope", *given])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def scans(tmp_path) -> list[Path]:
    """Three scans: ``a``, ``b`` and ``c``."""
    phantom = make_phantom([plausible_lesion(0)], shape=(2, 64, 64))
    made = []
    for name in "abc":
        made.append(tmp_path / "scans" / f"{name}.nii.gz")
        write_nifti(phantom, tmp_path / name)["flair"].rename(_parent(made[-1]))
        shutil.rmtree(tmp_path / name)
    return made


def _parent(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


def on_case(monkeypatch, name: str, action) -> None:
    """Do something when the case of this name comes to be analyzed."""
    real = tumorscope.studies.case.analyze_study

    def instead(scan, *arguments, **options):
        if scan.case == name:
            action()
        return real(scan, *arguments, **options)

    monkeypatch.setattr("tumorscope.studies.case.analyze_study", instead)


class Panic(BaseException):
    """What a library written in Rust raises."""


@pytest.mark.parametrize("kind", [KeyError, Panic])
def test_a_fault_of_the_program_ends_one_case_and_is_logged(analyze, scans, monkeypatch, tmp_path, kind):
    def breaks():
        raise kind(QUOTED)

    on_case(monkeypatch, "b", breaks)
    code, out, err = analyze(*scans)
    assert code == 2
    assert [line.split()[:2] for line in out.splitlines()[1:5]] == [
        ["a", "none"], ["b.nii.gz", "failed"], ["failed:", "b.nii.gz:"], ["c", "none"],
    ]  # fmt: skip
    assert f"a fault of the program, not of the case ({kind.__name__} in test_running.py, line" in out
    assert "1 of 3 cases failed" in err
    assert "Traceback" not in out + err
    log = (tmp_path / "out" / FAULT_LOG).read_text()
    assert "in breaks" in log
    assert "Jane" not in log + out + err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [JOURNAL_FILE, FAULT_LOG, "a", "c", TABLE_FILE]


def test_the_table_of_all_cases_grows_case_by_case_and_names_what_failed(analyze, scans, monkeypatch, tmp_path):
    tables = []

    def looks():
        tables.append((tmp_path / "out" / TABLE_FILE).read_text())
        raise KeyError(QUOTED)

    on_case(monkeypatch, "b", looks)
    analyze(*scans)
    assert [line.split(",")[0] for line in tables[0].splitlines()] == ["case", "a"]
    lines = (tmp_path / "out" / TABLE_FILE).read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["case", "a", "b.nii.gz", "c"]
    assert "a fault of the program" in lines[2]
    assert "Jane" not in lines[2]


def test_a_row_is_printed_before_the_next_case_begins(analyze, scans, monkeypatch, capsys):
    printed = []
    on_case(monkeypatch, "b", lambda: printed.append(capsys.readouterr().out))
    analyze(*scans)
    assert [line.split()[0] for line in printed[0].splitlines()] == ["case", "a"]


def test_scans_and_analyses_are_released_after_their_case(analyze, scans, monkeypatch):
    seen, alive = [], []
    real = tumorscope.studies.case.analyze_study

    def watched(scan, *arguments, **options):
        gc.collect()
        alive.append([kept() is not None for kept in seen])
        analysis = real(scan, *arguments, **options)
        seen.extend([weakref.ref(scan), weakref.ref(scan.voxels), weakref.ref(analysis), weakref.ref(analysis.mask)])
        return analysis

    monkeypatch.setattr("tumorscope.studies.case.analyze_study", watched)
    assert analyze(*scans)[0] == 0
    assert alive == [[], [False] * 4, [False] * 8]


def test_an_interrupted_run_prints_its_findings_and_resumes(analyze, scans, monkeypatch, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        on_case(patched, "b", interrupt)
        code, out, _ = analyze(*scans)
    assert code == 130
    assert "interrupted after 1 of 3 cases: 1 none found" in out
    assert "--resume" in out
    first = (tmp_path / "out" / "a" / "analysis.json").stat().st_mtime_ns
    code, out, _ = analyze(*scans, "--resume")
    assert code == 0
    assert "1 of 3 cases have their results already" in out
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["b", "c"]
    assert (tmp_path / "out" / "a" / "analysis.json").stat().st_mtime_ns == first


def test_resume_analyzes_again_what_has_changed(analyze, scans, tmp_path):
    analyze(*scans)
    assert "3 of 3 cases have their results already" in analyze(*scans, "--resume")[1]
    scans[0].write_bytes(scans[1].read_bytes())
    (tmp_path / "out" / "b" / "analysis.json").write_text("{}")
    _, out, _ = analyze(*scans, "--resume")
    assert "1 of 3 cases have their results already" in out
    assert "2 of 2 cases: 2 none found" in out
    assert "already" not in analyze(*scans, "--resume", "--explain")[1]


def test_a_resumed_batch_gives_every_case_a_folder_of_its_own(analyze, scans, monkeypatch, tmp_path):
    again = _parent(tmp_path / "others" / "a.nii.gz")
    again.write_bytes(scans[0].read_bytes())
    analyze(scans[0])
    assert analyze(scans[0], again, "--resume")[0] == 0
    assert sorted(path.parent.name for path in (tmp_path / "out").glob("*/analysis.json")) == ["a", "others_a"]


def test_a_failed_case_is_listed_without_the_patients_name(analyze, scans, tmp_path):
    for place in ("MUELLER_JOERG", "Mueller/MR"):
        write_series(
            tmp_path / place, grid=Grid((2, 32, 32)), Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2", **DOE
        )
    code, out, err = analyze(tmp_path / "MUELLER_JOERG", tmp_path / "Mueller", scans[0])
    assert code == 2
    assert "2 of 3 cases failed" in err
    assert [line.split()[0].partition("-")[0] for line in out.splitlines()[1:5]] == [
        "series",
        "failed:",
        "series",
        "failed:",
    ]
    assert "ueller" not in (out + err + (tmp_path / "out" / JOURNAL_FILE).read_text()).lower()
    assert "joerg" not in (out + err).lower()


def test_faults_of_the_program_do_not_log_the_patients_name(analyze, scans, monkeypatch, tmp_path):
    write_series(tmp_path / "Mueller", grid=Grid((2, 32, 32)), **DOE)
    monkeypatch.setattr("tumorscope.studies.case.analyze_study", lambda *_, **__: 1 / 0)
    code, out, err = analyze(tmp_path / "Mueller", scans[0])
    log = (tmp_path / "out" / FAULT_LOG).read_text()
    assert code == 2
    assert log.count("ZeroDivisionError") == 2
    assert "ueller" not in out + err + log


def test_results_are_not_cases_of_a_second_run(analyze, scans, tmp_path):
    for scan in scans[:2]:
        scan.rename(_parent(tmp_path / scan.name[0] / "scan.nii.gz"))
    shutil.rmtree(tmp_path / "scans")
    for _ in range(2):
        code, out, _ = analyze(".")
        assert code == 0
        assert "2 of 2 cases" in out
    code, _, err = analyze("out/scan")
    assert code == 2
    assert "holds results of an analysis" in err


def test_the_files_of_a_series_are_one_case(analyze, tmp_path):
    files = write_series(tmp_path / "flair", grid=Grid((3, 64, 64)))
    code, out, _ = analyze(*files)
    assert code == 0
    assert out.splitlines()[1].split()[0] == "flair"
    document = json.loads((tmp_path / "out" / "flair" / "analysis.json").read_text())
    assert len(document["slices"]) == len(files) == 3


def test_a_single_file_of_a_series_gets_a_note(analyze, tmp_path):
    files = write_series(tmp_path / "flair", grid=Grid((3, 64, 64)))
    code, out, _ = analyze(files[1], "--no-dicom")
    assert code == 0
    assert "note: this file is one of 3 of its series" in " ".join(out.split())
