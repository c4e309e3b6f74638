"""Opening a data set by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.br35h import Br35hDataset
from tumorscope.datasets.brats import BratsDataset
from tumorscope.datasets.brisc import BriscDataset
from tumorscope.datasets.figshare import FigshareDataset
from tumorscope.datasets.folders import FolderDataset
from tumorscope.datasets.labeled import FoldedDataset
from tumorscope.datasets.lgg import LggDataset

_OPENERS: dict[str, Callable[[Path], FoldedDataset]] = {
    "lgg": LggDataset.open,
    "figshare": FigshareDataset.open,
    "kaggle4": lambda path: FolderDataset.open(path, "kaggle4"),
    "br35h": Br35hDataset.open,
    "brisc": BriscDataset.open,
    "brats": BratsDataset.open,
    "folders": lambda path: FolderDataset.open(path, "folders"),
}
DATASET_NAMES = tuple(_OPENERS)


def open_dataset(name: str, path: Path) -> FoldedDataset:
    """The data set of that name in a folder.

    Args:
        name: ``lgg``, ``figshare``, ``kaggle4``, ``br35h``, ``brisc``, ``brats`` or ``folders``.
        path: where its publisher's files were unzipped.

    Raises:
        BadDataset: the folder does not hold it, or there is no data set of that name.
    """
    if name not in _OPENERS:
        raise BadDataset(f"{name}: no such data set; there are {', '.join(_OPENERS)}")
    return _OPENERS[name](path)
