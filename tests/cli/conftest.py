"""Calling one command as the program calls it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner

from tumorscope.core.errors import TumorscopeError


@pytest.fixture
def in_empty_folder(monkeypatch, tmp_path):
    """Of a command, a function that runs it in an empty folder: its error or None, and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def runs(command: Callable[..., None]) -> Callable[..., tuple[BaseException | None, str]]:
        app = typer.Typer()
        app.command()(command)

        def call(*arguments: object) -> tuple[BaseException | None, str]:
            result = CliRunner().invoke(app, [str(argument) for argument in arguments])
            if result.exception is not None and not isinstance(result.exception, TumorscopeError | SystemExit):
                raise result.exception
            return result.exception, result.output

        return call

    return runs
