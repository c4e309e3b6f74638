"""What ``dataset.json`` says of the files beside it: nnU-Net's raw data sets and the Medical Segmentation Decathlon.

``imagesTr/CASE_0000.nii.gz`` is the first channel of a case; in the Decathlon the channels are the fourth axis of
``imagesTr/CASE.nii.gz``. No file's name says which sequence a channel is; ``dataset.json`` in the folder above does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tumorscope.io.formats import stem
from tumorscope.io.sequences import recognize_sequence

DESCRIPTION = "dataset.json"
_IMAGES = re.compile(r"images(tr|ts|va|val)", re.IGNORECASE)
_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
_LONGEST = 64 * 2**20
"""Bytes; the description of a large data set lists its files."""


def stated_channels(content: Mapping[str, Any]) -> Any:
    """What a description says of channels: ``channel_names`` of nnU-Net 2, ``modality`` of version 1 and the Decathlon."""
    return content.get("channel_names", content.get("modality"))


def described_channels(path: Path) -> tuple[str, ...]:
    """The sequences of the channels in a file of such a data set, ``unknown`` where its name is none known here.

    Args:
        path: a file in ``imagesTr`` or ``imagesTs``.

    Returns:
        One for a file whose name ends in a channel's number, else all; none where the file is not described.
    """
    channels = _channels_of(path.parent)
    match = _CHANNEL.fullmatch(stem(path))
    if match is None or len(channels) < 2:
        return channels
    number = int(match["channel"])
    return channels[number : number + 1]


def described_case(path: Path) -> str | None:
    """The case whose channel is in a file; None where this is not said."""
    match = _CHANNEL.fullmatch(stem(path))
    return match["case"] if match is not None and _channels_of(path.parent) else None


def _channels_of(folder: Path) -> tuple[str, ...]:
    if not _IMAGES.fullmatch(folder.name):
        return ()
    file = folder.parent / DESCRIPTION
    try:
        found = file.stat()
    except OSError:
        return ()
    return _read(file, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16)
def _read(file: Path, _changed: int, size: int) -> tuple[str, ...]:
    """The channels, in order; none where the file says nothing that is understood."""
    if size > _LONGEST:
        return ()
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
        stated = stated_channels(content)
        names = {int(key): str(value) for key, value in stated.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return ()
    if sorted(names) != list(range(len(names))):
        return ()
    sequences = tuple(recognize_sequence(names[number]) for number in range(len(names)))
    known = [sequence for sequence in sequences if sequence != "unknown"]
    return sequences if len(set(known)) == len(known) else ()
