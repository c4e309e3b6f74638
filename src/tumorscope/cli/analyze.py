"""`tumorscope analyze`: from scans to findings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.table import ParquetOption
from tumorscope.core.errors import TumorscopeError
from tumorscope.io.formats import SUPPORTED
from tumorscope.reporting.outputs import outputs_in_words


class EngineChoice(StrEnum):
    """What runs the network."""

    auto = "auto"
    onnxruntime = "onnxruntime"
    openvino = "openvino"


class PrecisionChoice(StrEnum):
    """Which of the bundle's models runs."""

    auto = "auto"
    float = "float"
    int8 = "int8"


EngineOption = Annotated[EngineChoice, typer.Option(help="auto selects OpenVINO where it is installed.")]
FlipsOption = Annotated[
    bool,
    typer.Option(
        "--flips", help="Test-time augmentation: average over left-right flips; the network takes twice as long."
    ),
]
LocationOption = Annotated[
    bool,
    typer.Option(
        "--location",
        help="Name lobe and hemisphere of lesions by an atlas; some 3 s more per scan (needs [location]).",
    ),
]
SpacingOption = Annotated[
    str | None,
    typer.Option(
        metavar="MM,MM,MM",
        help="Column, row and slice spacing, where the files do not state it, such as 0.5,0.5,6.",
        show_default=False,
    ),
]
PrecisionOption = Annotated[
    PrecisionChoice, typer.Option(help="auto selects int8 where this CPU and the engine add it exactly.")
]


def command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH...",
            help=f"{SUPPORTED}; folders of slices or sequences, or folders of these.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results, one folder per case.")] = Path(
        "out"
    ),
    bundle: Annotated[
        str,
        typer.Option(
            help="Name of a shipped bundle, or a bundle's folder; auto chooses by the scan's sequences, and runs both where "
            "it has FLAIR and T1c."
        ),
    ] = "auto",
    explain: Annotated[bool, typer.Option("--explain", help="Write class activation maps.")] = False,
    input_check: Annotated[
        bool, typer.Option("--input-check/--no-input-check", help="Skip inputs that do not look like brain MRI.")
    ] = True,
    flips: FlipsOption = False,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Write the report as PDF, too.")] = True,
    dicom: Annotated[
        bool | None,
        typer.Option(
            "--dicom/--no-dicom",
            help="Write DICOM segmentation, structured report and capture; by default for DICOM input.",
            show_default=False,
        ),
    ] = None,
    fractional: Annotated[
        bool, typer.Option("--fractional", help="With DICOM, also a segmentation of probabilities.")
    ] = False,
    contours: Annotated[
        bool, typer.Option("--contours/--no-contours", help="With DICOM, also contours as RT Structure Set.")
    ] = True,
    every_frame: Annotated[
        bool,
        typer.Option("--every-frame", help="With DICOM, segmentations with a frame for every slice, empty ones too."),
    ] = False,
    bids: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also add every case to this BIDS derivative data set.")
    ] = None,
    parquet: ParquetOption = False,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Analyze in bulk with Ray: local for all cores of this machine, auto or an address for a cluster; "
            "completed cases are skipped.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Skip cases whose results are up to date; retry failed ones."),
    ] = False,
    actors: Annotated[
        int | None, typer.Option(min=1, help="With --ray, the number of cases at a time; one per core by default.")
    ] = None,
    register: Annotated[
        bool,
        typer.Option("--register", help="Rigidly co-register a case's series or volumes (needs SimpleITK)."),
    ] = False,
    spacing: SpacingOption = None,
    location: LocationOption = False,
    truth: Annotated[
        Path | None, typer.Option(help="True mask to compare with; masks beside LGG slices are found.")
    ] = None,
    sequence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="The file of one sequence, such as flair=f.nii.gz; repeat. With PATH, what a file or a DICOM series shows: "
            "FILE=NAME, such as 7.nii.gz=t1c; NAME unknown leaves it out.",
        ),
    ] = None,
    channels: Annotated[
        str | None, typer.Option(metavar="NAME,NAME...", help="Sequences of a file's channels, such as t1,flair,t1c.")
    ] = None,
    engine: EngineOption = EngineChoice.auto,
    precision: PrecisionOption = PrecisionChoice.auto,
) -> None:
    from tumorscope.cli.running import cases_in, run_cases
    from tumorscope.cli.sequence_options import stated_sequences
    from tumorscope.io.spacing import parse_spacing
    from tumorscope.io.stated_names import check_stated_names
    from tumorscope.reporting.outputs import OutputOptions
    from tumorscope.studies.case import AnalysisOptions, Case

    stated = stated_sequences(sequence or []) if paths else {}
    if paths:
        check_stated_names(paths, stated)
        cases = cases_in(paths, stated)
    elif sequence:
        cases = [Case(None, _named_sequences(sequence))]
    else:
        raise TumorscopeError("give at least one PATH, or --sequence NAME=FILE")
    if truth is not None and len(cases) != 1:
        raise TumorscopeError(f"--truth applies to one case, but {len(cases)} were given")
    if actors is not None and ray is None:
        raise TumorscopeError("--actors requires --ray")
    if location:
        require_location()
    options = AnalysisOptions(
        truth=truth,
        channels=[name.strip() for name in channels.split(",")] if channels else None,
        register=register,
        spacing_mm=None if spacing is None else parse_spacing(spacing),
        stated=stated or None,
        explain=explain,
        input_check=input_check,
        flips=flips,
        location=location,
        outputs=OutputOptions(pdf=pdf, dicom=dicom, fractional=fractional, contours=contours, every_frame=every_frame),
        bids=bids,
    )
    settings = {"engine": engine.value, "precision": precision.value, "options": options, "parquet": parquet}
    if ray is None:
        run_cases(cases, out, bundle, resume=resume, **settings)
    else:
        from tumorscope.cli.running_bulk import run_in_bulk

        run_in_bulk(cases, out, bundle, address=ray, actors=actors, **settings)


command.__doc__ = (
    f"Detect, segment, measure and classify tumors. OUT/<case>/ receives, as they apply: {outputs_in_words()}; "
    "OUT/cases.csv gets one row per case."
)


def _named_sequences(options: list[str]) -> dict[str, Path]:
    named = {}
    for option in options:
        name, equals, file = option.partition("=")
        if not equals or not name or not file:
            raise TumorscopeError(f"--sequence {option}: write NAME=FILE, such as flair=scan.nii.gz")
        if name in named:
            raise TumorscopeError(f"--sequence {name} was given twice")
        named[name] = Path(file)
    return named


def require_location() -> None:
    """Check that lesions can be named by an atlas, before anything is read.

    Raises:
        TumorscopeError: the atlas is not installed.
    """
    from tumorscope.preprocessing.template import INSTALL_HINT, location_installed

    if not location_installed():
        raise TumorscopeError(f"--location: the atlas is not installed; {INSTALL_HINT}")
