"""Arguments that name data sets and their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorscope.datasets.registry import DATASET_NAMES, RECOGNIZED, check_dataset_name


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
