"""Arguments that name data sets and their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tumorscope.core.errors import TumorscopeError
from tumorscope.datasets.registry import DATASET_NAMES, check_dataset_name

DatasetArgument = Annotated[
    str,
    typer.Argument(
        parser=check_dataset_name,
        metavar="DATASET",
        help=f"One of {', '.join(DATASET_NAMES)}; `tumorscope datasets list` describes them.",
    ),
]
PathArgument = Annotated[Path, typer.Argument(help="The data set's folder.")]
DataOption = Annotated[
    list[str],
    typer.Option(metavar="[NAME=]PATH", help="The data set's folder; of several data sets, NAME=PATH for each."),
]


def data_folders(given: Sequence[str], wanted: Sequence[str]) -> dict[str, Path]:
    """The folder of each data set.

    >>> data_folders(["figshare=a", "lgg=b"], ["figshare", "lgg"])["lgg"].name
    'b'
    >>> data_folders(["a"], ["lgg"])["lgg"].name
    'a'

    Raises:
        TumorscopeError: a folder has no name, an unknown one, or one that another folder has.
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
