"""`tumorscope node`: a DICOM node that analyzes the studies it receives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorscope.cli.analyze import FlipsOption, LocationOption, require_location


def command(
    data: Annotated[Path, typer.Option(help="Folder of received images, results and the journal.")] = Path(
        "tumorscope-node"
    ),
    send_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=WHERE]",
            help="Destination of the results: NAME=HOST:PORT/TITLE, NAME=https://..., or a name in DATA/destinations.yaml; "
            "repeat. By default they stay in the folder.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on, by default this machine only: DICOM is neither encrypted nor authenticated."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 selects a free one.")] = 11112,
    aet: Annotated[str, typer.Option(help="This node's application entity title.")] = "TUMORSCOPE",
    allow: Annotated[
        list[str] | None, typer.Option(metavar="TITLE", help="Accept only this calling AE title; repeat.")
    ] = None,
    quiet_seconds: Annotated[
        float, typer.Option(min=0, help="A study is complete when no image has arrived for this time.")
    ] = 30,
    patience_seconds: Annotated[
        float, typer.Option(min=0, help="The same after an aborted association, whose sender may come back.")
    ] = 600,
    bundle: Annotated[
        str, typer.Option(help="A shipped bundle's name, or a bundle's folder; auto chooses by the study's sequences.")
    ] = "auto",
    register: Annotated[
        bool, typer.Option("--register", help="Rigidly co-register the series of every study (needs SimpleITK).")
    ] = False,
    location: LocationOption = False,
    contours: Annotated[
        bool, typer.Option("--contours", help="Also return the segmentation as contours, an RT Structure Set.")
    ] = False,
    flips: FlipsOption = False,
    keep_days: Annotated[
        float | None,
        typer.Option(
            min=0, help="Remove finished studies after this time; a study sent afterwards is new. Default: keep all."
        ),
    ] = None,
    again: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STUDY",
            help="Re-analyze a study, given by its UID or its code in the log, also in a running node; repeat.",
        ),
    ] = None,
    processor: Annotated[str, typer.Option(hidden=True)] = "tumorscope.dicom_network.study_processor:process_study",
) -> None:
    """Receive studies by C-STORE, analyze each when it is complete, and return SEG, SR and secondary capture.

    Every image is on disk before its sender receives Success. Ctrl-C stops the node; it resumes at the next
    start, even after a crash. The log identifies studies by codes and never contains patient data.
    """
    import logging
    import threading

    from tumorscope.cli.log import log_to_stderr
    from tumorscope.core.signals import set_on_signals
    from tumorscope.dicom_network.destinations import find_destinations
    from tumorscope.dicom_network.node import NodeSettings, run_node

    if location:
        require_location()
    log_to_stderr(tumorscope=logging.INFO)
    settings = NodeSettings(
        data=data,
        host=host,
        port=port,
        aet=aet,
        allowed=tuple(allow or ()),
        destinations=tuple(find_destinations(send_to or (), data)),
        quiescence_s=quiet_seconds,
        abort_timeout_s=patience_seconds,
        bundle=bundle,
        register=register,
        location=location,
        contours=contours,
        flips=flips,
        keep_days=keep_days,
        processor=processor,
    )
    stop = threading.Event()
    with set_on_signals(stop):
        run_node(settings, stop, again or ())
