"""`--flips` of the programs that run for long; that of `analyze` is tested with the analysis."""

import pytest
import typer
from typer.testing import CliRunner

from tumorscope.cli import node, serve, worker


class Started(Exception):
    """Raised with the settings instead of a start."""


def start(settings, *_):
    raise Started(settings.flips)


@pytest.mark.parametrize(
    ("command", "entry"),
    [
        (serve.command, "tumorscope.service.worker_processes.running_workers"),
        (worker.command, "tumorscope.service.worker.run_worker"),
        (node.command, "tumorscope.dicom_network.node.run_node"),
    ],
)
@pytest.mark.parametrize(("options", "flips"), [([], False), (["--flips"], True)])
def test_flips_are_an_option(monkeypatch, tmp_path, command, entry, options, flips):
    monkeypatch.delenv("TUMORSCOPE_FLIPS", raising=False)
    monkeypatch.setenv("TUMORSCOPE_PORT", "0")
    monkeypatch.setattr("tumorscope.cli.log.log_to_stderr", lambda **_levels: None)
    monkeypatch.setattr(entry, start)
    monkeypatch.setattr("tumorscope.studies.worker_process.run_program", lambda work: work(None))
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "data"), *options])
    assert isinstance(result.exception, Started), result.output
    assert result.exception.args == (flips,)
