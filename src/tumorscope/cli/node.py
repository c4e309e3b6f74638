"""`tumorscope node`: a place on the hospital's network that analyses what is sent to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import logging


def command(
    data: Annotated[Path, typer.Option(help="The node's folder: what it received, its journal, its results.")] = Path(
        "tumorscope-node"
    ),
    send_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=WHERE]",
            help="Who gets the results: NAME=HOST:PORT/TITLE, NAME=https://..., or a name in DATA/destinations.yaml; "
            "repeat. Without it they stay in the folder.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Where to listen. DICOM asks for no password and hides nothing: only this machine, unless you say so."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 11112,
    aet: Annotated[str, typer.Option(help="This node's application entity title.")] = "TUMORSCOPE",
    allow: Annotated[
        list[str] | None, typer.Option(metavar="TITLE", help="Let in only this calling title; repeat.")
    ] = None,
    quiet_seconds: Annotated[
        float, typer.Option(min=0, help="A study is complete when nothing came for so long.")
    ] = 30,
    patience_seconds: Annotated[
        float, typer.Option(min=0, help="The same where the sender was cut off and may come back.")
    ] = 600,
    bundle: Annotated[
        str, typer.Option(help="A shipped bundle's name, or a bundle's folder; auto chooses by the study's sequences.")
    ] = "auto",
    keep_days: Annotated[
        float | None,
        typer.Option(
            min=0, help="Remove studies that have been done for so long; one sent again is then new. Default: keep all."
        ),
    ] = None,
    again: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STUDY",
            help="Analyze a study once more, by its UID or its code in the log; a node that runs is told; repeat.",
        ),
    ] = None,
    processor: Annotated[str, typer.Option(hidden=True)] = "tumorscope.dicom_network.study_processor:process_study",
) -> None:
    """Receive studies by C-STORE, analyze each when it is complete, and send SEG, SR and capture back.

    Every image is on disk before its sender reads Success. Stop it with Ctrl-C, or however else: it goes on
    where it was. The log names studies by codes, never a patient.
    """
    import logging
    import signal
    import threading

    from tumorscope.dicom_network.destinations import find_destinations
    from tumorscope.dicom_network.node import NodeSettings, run_node

    _log_to_stderr(logging.getLogger("tumorscope"))
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
        keep_days=keep_days,
        processor=processor,
    )
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        run_node(settings, stop, again or ())
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _log_to_stderr(logger: logging.Logger) -> None:
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
