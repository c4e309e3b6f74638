"""Opening a data set by its name."""

from __future__ import annotations

from pathlib import Path

from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.folders import FolderDataset
from tumorscope.datasets.lgg import LggDataset
from tumorscope.errors import BadDataset


def open_dataset(name: str, path: Path) -> LggDataset | FigshareDataset | FolderDataset:
    """The data set of that name in a folder.

    Args:
        name: ``lgg``, ``figshare``, ``kaggle4`` or ``folders``.
        path: where its publisher's files were unzipped.

    Raises:
        BadDataset: the folder does not hold it, or there is no data set of that name.
    """
    if name == "lgg":
        return LggDataset.open(path)
    if name == "figshare":
        return FigshareDataset.open(path)
    if name in ("kaggle4", "folders"):
        return FolderDataset.open(path, name)
    raise BadDataset(f"{name}: no such data set; there are lgg, figshare, kaggle4 and folders")
