"""The `tumorscope` program: its commands, and what becomes of errors."""

from __future__ import annotations

import errno
import gc
import sys
from typing import Annotated

import typer

from tumorscope import __version__
from tumorscope.cli import (
    analyze,
    bundles,
    calibrate,
    compare,
    compare_studies,
    consistency,
    datasets,
    demo,
    doctor,
    evaluate,
    export,
    features,
    fit_input_check,
    fit_sequences,
    fit_type_check,
    follow,
    measure,
    node,
    pacs,
    pool,
    quantize,
    serve,
    submit,
    table,
    train,
    worker,
)
from tumorscope.cli.console import replace_unknown_characters
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import missing_extra
from tumorscope.core.notice import NOTICE

FAILED = 2
"""The exit code of every error that the user can act on."""
INTERRUPTED = 130
_COLLECT_EVERY = 200_000
"""Allocations between two runs of Python's cycle collector. A DICOM study is a hundred thousand small objects, none of
them garbage: every 700, as is usual, the collector takes a fifth of the time of reading and writing one. The libraries
are more than a hundred thousand, too, so that one image is analyzed before the collector looks at them all."""
_UNNEEDED = "openvino.tools.ovc"
"""OpenVINO's converter of models: importing it is half of importing OpenVINO, which does without."""

app = typer.Typer(
    name="tumorscope",
    help=f"Find, segment and measure brain tumors on MRI.\n\n{NOTICE}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tumorscope {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


app.command("analyze")(analyze.command)
app.command("measure")(measure.command)
app.command("compare-studies")(compare_studies.command)
app.command("follow")(follow.command)
app.command("table")(table.command)
app.command("node")(node.command)
app.add_typer(pacs.app, name="pacs")
app.command("serve")(serve.command)
app.command("worker")(worker.command)
app.command("submit")(submit.command)
app.command("demo")(demo.command)
app.command("evaluate")(evaluate.command)
app.command("compare")(compare.command)
app.command("pool")(pool.command)
app.command("consistency")(consistency.command)
app.command("calibrate")(calibrate.command)
app.command("bundles")(bundles.command)
app.command("doctor")(doctor.command)
app.command("train")(train.command)
app.command("export")(export.command)
app.command("features")(features.command)
app.command("fit-input-check")(fit_input_check.command)
app.command("fit-sequences")(fit_sequences.command)
app.command("fit-type-check")(fit_type_check.command)
app.command("quantize")(quantize.command)
app.add_typer(datasets.app, name="datasets")


def main() -> None:
    """Run a command; an error becomes one line and exit code 2, never a traceback."""
    replace_unknown_characters()
    sys.modules.setdefault(_UNNEEDED, None)  # type: ignore[arg-type]  # counts as not installed, in this program only
    gc.set_threshold(_COLLECT_EVERY, *gc.get_threshold()[1:])
    try:
        app()
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
