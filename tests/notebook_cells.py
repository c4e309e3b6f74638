"""Runs notebooks in the percent format as Jupyter would, one after another in one process.

    python notebook_cells.py NOTEBOOK.py ...

The folder in which it runs gets, for each notebook, what it printed (`NAME.txt`), what each cell showed (`NAME-2.png`,
`NAME-5.html`), and the traceback where it failed (`NAME.error`). Trainings end after one epoch, and of two networks of
one shape only the first is exported: cells are shown to work, not networks to learn.
"""

import ast
import contextlib
import re
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

_MOST_EPOCHS = 1
_CELL = re.compile(r"^# %%.*$", re.MULTILINE)


def run_notebook(path: Path) -> None:
    """Run all cells; the value of an expression that ends a cell is shown."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(_CELL.split(path.read_text())):
        body = ast.parse(cell).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), path.name, "exec"), names)
        if isinstance(last, ast.Expr):
            show(eval(compile(ast.Expression(last.value), path.name, "eval"), names), f"{path.stem}-{number}")
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        for figure in pyplot.get_fignums() if pyplot else ():
            show(pyplot.figure(figure), f"{path.stem}-{number}-{figure}")
            pyplot.close(figure)


def _end_trainings_early() -> None:
    import tumorscope

    train = tumorscope.train

    def train_briefly(*arguments: Any, epochs: int | None = None, **options: Any) -> Any:
        return train(*arguments, epochs=None if epochs is None else min(epochs, _MOST_EPOCHS), **options)

    tumorscope.train = train_briefly  # type: ignore[assignment]


def _export_each_shape_once() -> None:
    """An export takes as long as a training; a second one of the same shape gets the first one's file."""
    from tumorscope.training import export

    original, exported = export.export_float, {}

    def export_float(network: Any, recipe: Any, path: Path) -> None:
        shape = repr((recipe.network, recipe.channels_in, recipe.preparation.size))
        if shape in exported:
            shutil.copy(exported[shape], path)
        else:
            original(network, recipe, path)
            exported[shape] = shutil.copy(path, Path(f"shape-{len(exported)}.onnx").absolute())

    export.export_float = export_float


def show(value: Any, name: str) -> None:
    """Write a value as Jupyter would show it."""
    html = value._repr_html_() if hasattr(value, "_repr_html_") else None
    if html is not None:
        Path(f"{name}.html").write_text(html)
    elif hasattr(value, "savefig"):
        value.savefig(f"{name}.png")
    elif hasattr(value, "_repr_png_"):
        Path(f"{name}.png").write_bytes(value._repr_png_())
    elif value is not None:
        print(value)


if __name__ == "__main__":
    _end_trainings_early()
    _export_each_shape_once()
    for notebook in map(Path, sys.argv[1:]):
        with Path(f"{notebook.stem}.txt").open("w") as printed, contextlib.redirect_stdout(printed):
            try:
                run_notebook(notebook)
            except Exception:
                Path(f"{notebook.stem}.error").write_text(traceback.format_exc())
