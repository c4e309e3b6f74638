"""The folders of data sets as a user names them, and what the user states about own data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tumorscope.core.errors import BadDataset, TumorscopeError
from tumorscope.datasets.own_options import OwnDataOptions, read_patients
from tumorscope.datasets.registry import OWN_NAMES, RECOGNIZED, open_dataset, recognize_layout, require_layout

DataFolders = str | Path | Sequence[str | Path] | Mapping[str, str | Path]
"""One folder, or one for each data set by name."""


def as_arguments(data: DataFolders) -> list[str]:
    """Folders as the command takes them, ``PATH`` or ``NAME=PATH``.

    >>> as_arguments({"lgg": "kaggle_3m", "figshare": "slices"}), as_arguments("slices")
    (['lgg=kaggle_3m', 'figshare=slices'], ['slices'])
    """
    if isinstance(data, Mapping):
        return [f"{name}={path}" for name, path in data.items()]
    return [str(data)] if isinstance(data, str | Path) else [str(path) for path in data]


def own_data_options(patients: Path | None, labels: str | None) -> OwnDataOptions:
    """What the user states about own data.

    Raises:
        BadDataset: the table of patients cannot be read.
    """
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
