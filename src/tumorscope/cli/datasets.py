"""`tumorscope datasets`: what a data set holds, how it looks, where it comes from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Look at data sets, and fetch them.", no_args_is_help=True, rich_markup_mode=None)


class KnownSet(StrEnum):
    """The data sets with a reader."""

    lgg = "lgg"
