"""Every command prints in consoles that are not UTF-8: what they cannot show is replaced."""

from __future__ import annotations

import io
import sys

import pytest
import typer
from making import bright_flair

from tumorscope.cli import main
from tumorscope.cli.main import program
from tumorscope.datasets.phantom import make_phantom, plausible_lesion, write_nifti
from tumorscope.inference.engine import Engine

ENCODINGS = ["gbk", "cp932", "cp437", "cp1251", "ascii"]
COMMANDS = sorted(typer.main.get_command(program()).commands)  # type: ignore[attr-defined]


@pytest.fixture(params=ENCODINGS)
def console(request, monkeypatch, tmp_path):
    """Run a command in a console of an encoding; its exit code, and what it printed, back as text."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str]:
        out = io.TextIOWrapper(io.BytesIO(), encoding=request.param, errors="strict")
        code = 0
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["tumorscope", *map(str, arguments)])
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", out)
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
            out.flush()
        # Click takes ASCII for a setting that is missing, and what it prints itself is UTF-8 there.
        errors = "replace" if request.param == "ascii" else "strict"
        return code, out.buffer.getvalue().decode(request.param, errors)  # type: ignore[attr-defined]

    return call


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    phantom = make_phantom([plausible_lesion(0)], shape=(2, 64, 64))
    return write_nifti(phantom, tmp_path_factory.mktemp("phantom"))


def test_help_and_errors(console):
    for command in COMMANDS:
        code, said = console(command, "--help")
        assert code == 0, said
        assert "Usage" in said
    code, said = console("analyze", "мозг-脑-café–1.nii")
    assert code == 2
    assert "no such file or folder" in said
    assert "Traceback" not in said


def test_measure_and_compare_studies(console, files):
    code, said = console("measure", files["mask"])
    assert code == 0, said
    assert "one lesion" in said
    code, said = console("compare-studies", files["mask"], files["mask"])
    assert code == 0, said
    assert "SD" in said


def test_bundles_and_their_cards(console):
    for arguments in (["bundles"], ["bundles", "t1c"], ["--version"]):
        code, said = console(*arguments)
        assert code == 0, said


def test_analyze(console, files, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "tumorscope.inference.engine_pool.load_engine",
        lambda bundle, *how: Engine(bundle, "fake", "float", bright_flair),
    )
    strange = tmp_path / "мозг-脑-café–1.nii.gz"
    strange.write_bytes(files["flair"].read_bytes())
    code, said = console(
        "analyze", strange, "-o", tmp_path / "Ergebnis-–-é", "--no-pdf", "--no-input-check", "--bundle", "lgg"
    )
    assert code == 0, said
    assert "none found" in said


def test_what_a_console_has_is_left_alone(monkeypatch, files):
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["tumorscope", "measure", str(files["mask"])])
    with pytest.raises(SystemExit) as end:
        main()
    out.flush()
    assert not end.value.code
    assert "×" in out.buffer.getvalue().decode()  # type: ignore[attr-defined]
