"""Keeping results: an analysis as a folder of files, a training as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import extras_named
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.results import write_results

if TYPE_CHECKING:
    import numpy as np

    from tumorscope.datasets.data_folders import DataFolders
    from tumorscope.reporting.outputs import OutputOptions
    from tumorscope.training.loading import LoadedRun


@overload
def save(
    what: Analysis, folder: Path | str, *, truth: np.ndarray | None = None, options: OutputOptions | None = None
) -> Path: ...
@overload
def save(
    what: LoadedRun, folder: Path | str, *, data: DataFolders, int8: bool = True, features: Path | str | None = None
) -> Path: ...
def save(
    what: Analysis | LoadedRun,
    folder: Path | str,
    *,
    truth: np.ndarray | None = None,
    options: OutputOptions | None = None,
    data: DataFolders | None = None,
    int8: bool = True,
    features: Path | str | None = None,
) -> Path:
    """Write an analysis's files, as ``tumorscope analyze`` does, or a training's bundle, as ``tumorscope export`` does.

    Args:
        what: from :func:`tumorscope.analyze`, :func:`tumorscope.train` or :func:`tumorscope.load_run`.
        folder: of an analysis, where the case's own folder goes; of a training, the bundle's folder.
        truth: of an analysis, the true mask: boolean ``(slice, row, column)`` on the scan's grid.
        options: of an analysis, which files besides those that every case gets.
        data: of a training, the folders that it was trained on.
        int8: of a training, whether to add an int8 model.
        features: of a training, the folder of a run of a recipe of features, whose model the bundle takes as its second
            opinion on the type.

    Returns:
        The folder that was written. It appears whole or not at all.

    Raises:
        TumorscopeError: the folder cannot be written, ``data`` is missing, the int8 model is much worse, it is a run
            of features, which is saved with a training of a network, or it is neither an analysis nor a run.
    """
    if isinstance(what, Analysis):
        return write_results(what, Path(folder), truth, options)["analysis"].parent
    with extras_named():
        from tumorscope.datasets.data_folders import as_arguments, resolve_data
        from tumorscope.training.export import export
        from tumorscope.training.feature_model import FeatureRun
        from tumorscope.training.loading import LoadedRun
        from tumorscope.training.run import Run

        if isinstance(what, FeatureRun):
            raise TumorscopeError("save: a run of features is saved with a network's: save(run, ..., features=FOLDER)")
        if not isinstance(what, LoadedRun):
            raise TumorscopeError(f"save: give an analysis or a run, not a {type(what).__name__}")
        if data is None:
            raise TumorscopeError("save: name the data that the run was trained on, as data=FOLDER")
        folders = resolve_data(as_arguments(data), what.recipe.datasets)
        classifier = None if features is None else Path(features)
        report = export(Run(what.folder), folders, Path(folder), eight_bit=int8, features=classifier)
    return report.bundle.folder
