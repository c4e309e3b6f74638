"""Which data sets commands know, and `--data`: the folder of a data set, or of each where several are meant."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tumorscope.core.errors import TumorscopeError


class KnownDataset(StrEnum):
    """The data sets with a reader."""

    lgg = "lgg"
    figshare = "figshare"
    kaggle4 = "kaggle4"
    br35h = "br35h"
    brisc = "brisc"
    brats = "brats"
    folders = "folders"


DataOption = Annotated[
    list[str],
    typer.Option(metavar="[NAME=]PATH", help="The data set's folder; NAME=PATH for each where there are several."),
]


def data_folders(given: Sequence[str], wanted: Sequence[str]) -> dict[str, Path]:
    """The folder of each data set.

    >>> data_folders(["figshare=a", "lgg=b"], ["figshare", "lgg"])["lgg"].name
    'b'
    >>> data_folders(["a"], ["lgg"])["lgg"].name
    'a'

    Raises:
        TumorscopeError: it is not clear which folder holds which.
    """
    if len(given) == 1 and len(wanted) == 1 and not given[0].startswith(f"{wanted[0]}="):
        return {wanted[0]: Path(given[0])}
    folders: dict[str, Path] = {}
    for item in given:
        name, equals, path = item.partition("=")
        if not equals or not path or name not in wanted:
            raise TumorscopeError(f"--data {item}: write NAME=PATH, with NAME one of {', '.join(wanted)}")
        if name in folders:
            raise TumorscopeError(f"--data {name} was given twice")
        folders[name] = Path(path)
    return folders
