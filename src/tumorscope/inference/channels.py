"""Which channel of a scan each input of a network receives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.model_card import Card
from tumorscope.io.sequences import names_other


def arrange_channels(scan: Scan, card: Card) -> tuple[np.ndarray, list[Note]]:
    """The scan's channels in the order the network expects, and what was assumed for that.

    A single channel of unknown sequence is taken for the only one that the network takes, or
    for the one that may substitute all others. Several unnamed channels are not assigned to any
    sequence: three volumes in one file may as well be three points in time.

    Returns:
        ``(slice, row, column, sequence)``, and notes.

    Raises:
        TumorscopeError: naming the sequence that is missing.
    """
    channels, notes = channel_order(scan, card)
    return select_channels(scan.voxels, np.arange(len(scan.voxels)), channels), notes


def select_channels(voxels: np.ndarray, slices: np.ndarray, channels: Sequence[int]) -> np.ndarray:
    """Some slices and channels of a volume.

    Args:
        voxels: ``(slice, row, column, channel)``.
        slices: rising.
        channels: in any order, each as often as wanted.

    Returns:
        The volume itself where that is all of it: a copy of a large one is much of an analysis's memory.
    """
    if len(slices) == len(voxels) and list(channels) == list(range(voxels.shape[-1])):
        return voxels
    return np.moveaxis(np.stack([voxels[slices, ..., channel] for channel in channels]), 0, -1)


def received_sequences(scan: Scan, card: Card) -> tuple[str, ...]:
    """For each input of the network, the scan's name of the sequence it receives; substitutes keep their own name."""
    return tuple(scan.sequences[channel] for channel in channel_order(scan, card)[0])


def channel_order(scan: Scan, card: Card) -> tuple[list[int], list[Note]]:
    """The scan's channel for each input of the network, and what was assumed; see :func:`arrange_channels`.

    Raises:
        TumorscopeError: naming the sequence that is missing.
    """
    wanted, have = card.inputs.sequences, scan.sequences
    notes: list[Note] = []
    common = wanted[0] if len(wanted) == 1 else _common_substitute(card)
    if have == ("unknown",) and common is not None:
        have = (common,)
        why = (
            "its name is that of another kind of image than T1, T1c, T2 and FLAIR, on which findings may be wrong"
            if is_of_another_kind(scan)
            else "the sequence is not named in the file"
        )
        notes.append(Note("sequence_assumed", f"{why}; taken as {common}"))
    named = [name for name in have if name != "unknown" or len(have) == 1]
    channels = []
    for sequence in wanted:
        substitute = next((name for name in card.inputs.substitutes.get(sequence, ()) if name in named), None)
        if sequence in have:
            channels.append(have.index(sequence))
        elif substitute is not None:
            channels.append(have.index(substitute))
            # A network of several sequences learned with substitutes; one of single images was tested mostly with its own.
            rates = "" if len(wanted) > 1 else "; the model card has the error rates by data set and sequence"
            notes.append(Note("sequence_missing", f"{sequence} is missing; {substitute} is used instead{rates}"))
        else:
            raise TumorscopeError(
                f"{scan.case}: the sequence {sequence} is missing (bundle {card.name} takes {', '.join(wanted)}; "
                f"the scan has {', '.join(scan.sequences)}); add it with --sequence or name channels with --channels"
            )
    return channels, notes


def is_of_another_kind(scan: Scan) -> bool:
    """Whether the name of a scan's file or series tells that it shows none of the sequences here, but an ADC map, say."""
    if "unknown" not in scan.sequences:
        return False
    header = scan.source_images[0].header if scan.source_images else None
    if header is not None:
        return any(names_other(str(header.get(keyword) or "")) for keyword in ("SeriesDescription", "ProtocolName"))
    return scan.source is not None and names_other(scan.source.name)


def _common_substitute(card: Card) -> str | None:
    """The sequence that may substitute every other one, if there is one."""
    first = {next(iter(names)) for names in card.inputs.substitutes.values() if names}
    return first.pop() if len(first) == 1 else None
