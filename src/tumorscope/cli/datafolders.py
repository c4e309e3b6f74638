"""Arguments that name data sets and their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets.registry import (
    DATASET_NAMES,
    OWN_NAMES,
    RECOGNIZED,
    check_dataset_name,
    open_dataset,
    recognize_layout,
    require_layout,
)

if TYPE_CHECKING:
    from tumorscope.datasets.own_options import OwnDataOptions


def _dataset_name(name: str) -> str:
    return name if name == RECOGNIZED else check_dataset_name(name)


DatasetArgument = Annotated[
    str,
    typer.Argument(
        parser=_dataset_name,
        metavar="DATASET",
        help=f"One of {', '.join(DATASET_NAMES)}, or `{RECOGNIZED}` to recognize the layout of your own data; "
        "`tumorscope datasets list` describes them.",
    ),
]
PathArgument = Annotated[Path, typer.Argument(help="The data set's folder.")]
DataOption = Annotated[
    list[str],
    typer.Option(
        metavar="[NAME=]PATH",
        help="The data set's folder; of several data sets, NAME=PATH for each. Your own data, in any layout of "
        "`tumorscope datasets list`, is recognized and replaces the recipe's data sets.",
    ),
]
PatientsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="CSV file with the columns case and patient, for your own data."),
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        metavar="LABELS=NAME,...",
        help="Labels of your own masks that are the tumor, such as 1+2+4=tumor, or its compartments, such as "
        "1+4=core,2=edema.",
    ),
]


def own_data_options(patients: Path | None, labels: str | None) -> OwnDataOptions:
    """What the user states about own data.

    Raises:
        BadDataset: the table of patients cannot be read.
    """
    from tumorscope.datasets.own_options import OwnDataOptions, read_patients

    known = read_patients(patients) if patients else None
    return OwnDataOptions(known, patients.name if patients else "", labels)


def resolve_data(given: Sequence[str], wanted: Sequence[str]) -> dict[str, Path]:
    """The folder of each data set to train on, which are the recipe's or the user's own.

    A folder without a name is the recipe's only data set, if it opens as that; otherwise its layout is recognized. If
    any of the folders is own data, the folders given replace the recipe's data sets.

    Args:
        given: ``NAME=PATH`` or ``PATH`` each.
        wanted: the recipe's data sets.

    Raises:
        TumorscopeError: as :func:`data_folders`.
    """
    folders: dict[str, Path] = {}
    for item in given:
        name, equals, rest = item.partition("=")
        if equals and name in (*wanted, *OWN_NAMES, RECOGNIZED):
            path = Path(rest)
            found = require_layout(path) if name == RECOGNIZED else name
        else:
            path = Path(item)
            found = recognize_layout(path)
            if found is not None and len(given) == len(wanted) == 1 and _opens(wanted[0], path):
                return {wanted[0]: path}
        if found is None:
            return data_folders(given, wanted)
        if found in folders:
            raise TumorscopeError(f"--data {found}: given twice; put all cases of one layout into one folder or table")
        folders[found] = path
    return folders if set(folders) & set(OWN_NAMES) else data_folders(given, wanted)


def _opens(name: str, path: Path) -> bool:
    try:
        open_dataset(name, path)
    except BadDataset:
        return False
    return True


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
