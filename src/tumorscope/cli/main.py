"""The `tumorscope` program: its commands, and what becomes of errors."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from tumorscope import __version__
from tumorscope.cli.console import replace_unknown_characters
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import missing_extra
from tumorscope.core.notice import NOTICE
from tumorscope.core.startup import lighten_libraries

COMMANDS = (
    "analyze",
    "measure",
    "compare-studies",
    "follow",
    "table",
    "node",
    "pacs",
    "serve",
    "worker",
    "submit",
    "demo",
    "evaluate",
    "compare",
    "pool",
    "consistency",
    "calibrate",
    "bundles",
    "doctor",
    "train",
    "export",
    "features",
    "fit-input-check",
    "fit-sequences",
    "fit-type-check",
    "quantize",
    "datasets",
)
"""In the order of the help. Each is a module of this package, with a ``command`` or, of several, an ``app``."""
_SHORT = {"analyze", "demo", "doctor", "follow", "measure"}
_LONG = {"node", "serve", "worker"}
"""Commands that analyze, once and until they are stopped."""
FAILED = 2
"""The exit code of every error that the user can act on."""
INTERRUPTED = 130


def program(commands: Sequence[str] = COMMANDS) -> typer.Typer:
    """The program with some of its commands: to import and describe all of them takes longer than one needs."""
    app = typer.Typer(
        name="tumorscope",
        help=f"Find, segment and measure brain tumors on MRI.\n\n{NOTICE}",
        callback=options,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for name in commands:
        module = import_module(f"tumorscope.cli.{name.replace('-', '_')}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tumorscope {__version__}")
        raise typer.Exit


def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run a command; an error becomes one line and exit code 2, never a traceback."""
    replace_unknown_characters()
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    lighten_libraries(analyzing=command in _SHORT | _LONG, postponing=command in _SHORT)
    try:
        program([command] if command in COMMANDS else COMMANDS)()
    except TumorscopeError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("tumorscope: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:
        line = missing_extra(error)
        if line is not None:
            _fail(line)
        raise
    except OSError as error:
        if error.errno in {
            errno.ENOSPC,
            errno.EACCES,
            errno.EPERM,
            errno.EROFS,
            errno.EDQUOT,
            errno.ENOTDIR,
            errno.EEXIST,
        }:
            _fail(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
        raise


def _fail(message: str) -> None:
    print(f"tumorscope: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(FAILED)
