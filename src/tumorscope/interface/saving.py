"""Keeping results: an analysis as a folder of files, a training as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import extras_named
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.results import write_results

if TYPE_CHECKING:
    import numpy as np

    from tumorscope.datasets.data_folders import DataFolders
    from tumorscope.reporting.outputs import OutputOptions
    from tumorscope.training.loading import LoadedRun


def save(
    what: Analysis | LoadedRun,
    folder: Path | str,
    *,
    truth: np.ndarray | None = None,
    options: OutputOptions | None = None,
    data: DataFolders | None = None,
    int8: bool = True,
) -> Path:
    """Write an analysis's files, as ``tumorscope analyze`` does, or a training's bundle, as ``tumorscope export`` does.

    Args:
        what: from :func:`tumorscope.analyze`, :func:`tumorscope.train` or :func:`tumorscope.load_run`.
        folder: of an analysis, where the case's own folder goes; of a training, the bundle's folder.
        truth: of an analysis, the true mask: boolean ``(slice, row, column)`` on the scan's grid.
        options: of an analysis, which files besides those that every case gets.
        data: of a training, the folders that it was trained on.
        int8: of a training, whether to add an int8 model.

    Returns:
        The folder that was written. It appears whole or not at all.

    Raises:
        TumorscopeError: the folder cannot be written, ``data`` is missing, or the int8 model is much worse.
    """
    if isinstance(what, Analysis):
        return write_results(what, Path(folder), truth, options)["analysis"].parent
    if data is None:
        raise TumorscopeError("save: name the data that the run was trained on, as data=FOLDER")
    with extras_named():
        from tumorscope.datasets.data_folders import as_arguments, resolve_data
        from tumorscope.training.export import export
        from tumorscope.training.run import Run

        folders = resolve_data(as_arguments(data), what.recipe.datasets)
        return export(Run(what.folder), folders, Path(folder), eight_bit=int8).bundle.folder
