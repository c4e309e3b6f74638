"""An nnU-Net raw data set: ``dataset.json``, ``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz``.

Both versions of ``dataset.json`` are read: that of nnU-Net 2 (``channel_names``, ``labels`` by name, ``file_ending``,
and optionally ``dataset`` with the files of each case), and that of version 1 and of the Medical Segmentation Decathlon
(``modality``, ``labels`` by value). The channels may also be the fourth axis of one file, without a number or, as
nnU-Net 2 reads it, with the number 0.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tumorscope.core.errors import BadDataset
from tumorscope.datasets.own_cases import FoundCase
from tumorscope.datasets.own_data import OwnDataset, own_entry
from tumorscope.datasets.own_options import NOTHING_STATED, OwnDataOptions
from tumorscope.datasets.stratified import require_folder
from tumorscope.io.checks import printable
from tumorscope.io.dataset_description import DESCRIPTION, stated_channels
from tumorscope.io.sequences import recognize_sequence

_FOLDERS = {"": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}
_CHANNEL = re.compile(r"_(\d{4})$")


@dataclass(frozen=True)
class NnunetDataset(OwnDataset):
    """All training cases, and the test cases where ``labelsTs`` has their labels, in the order of their names."""

    name = "nnunet"

    @classmethod
    def open(cls, path: Path, options: OwnDataOptions = NOTHING_STATED) -> NnunetDataset:
        """Find the cases.

        Args:
            path: the folder with ``dataset.json`` in it.
            options: what the owner states; labels may be named as in ``dataset.json``.

        Raises:
            BadDataset: not an nnU-Net data set, a channel's file is missing, or there are several labels and none is
                chosen.
        """
        file = require_folder(path) / DESCRIPTION
        if not file.is_file():
            raise BadDataset(
                f"{path}: no {DESCRIPTION} here; name the folder of an nnU-Net raw data set (DatasetXXX_…)"
            )
        content = _load(file)
        labels = _labels(file, content.get("labels"))
        channels, notes = _channels(file, stated_channels(content))
        found = list(_listed_cases(path, content["dataset"])) if content.get("dataset") else list(_cases(path, content))
        if not found:
            raise BadDataset(f"{path}: no imagesTr/CASE_0000{_ending(content)} here, as {DESCRIPTION} states")
        if all(case.images.keys() == {"0000"} for case in found):
            found = [replace(case, images={"": case.path}) for case in found]
        values = tuple(dict.fromkeys(value for own in labels.values() for value in own))
        cases = [replace(_with_channels(path, case, channels), values=values) for case in found]
        if any(case.part for case in cases):
            cases = [replace(case, part=case.part or "train") for case in cases]
        chosen = _chosen_labels(file, labels, options)
        return cls.of_cases(path, cases, replace(options, labels=chosen), notes)


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BadDataset(f"{file}: cannot be read as JSON ({str(error).splitlines()[0][:80]})") from error
    if not isinstance(content, dict):
        raise BadDataset(f"{file}: not a JSON object, as nnU-Net writes it")
    return content


def _labels(file: Path, stated: Any) -> dict[str, tuple[str, ...]]:
    """The values of each label but the background, whichever side of ``labels`` names them.

    Raises:
        BadDataset: not names and whole numbers, no label, or one for voxels to ignore.
    """
    if not isinstance(stated, dict) or not stated:
        raise BadDataset(f'{file}: has no labels, such as {{"background": 0, "tumor": 1}}')
    by_value = all(str(key).isdigit() for key in stated)
    pairs = [(str(value), key) if by_value else (str(key), value) for key, value in stated.items()]
    labels: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values = value if isinstance(value, list) else [value]
        if not all(str(each).isdigit() for each in values):
            raise BadDataset(f"{file}: the label {printable(name)} is {value!r}, not a whole number or a list of them")
        if name.lower() == "ignore":
            raise BadDataset(
                f"{file}: has a label for voxels to ignore, whose truth is unknown; it cannot be trained here"
            )
        foreground = tuple(str(int(each)) for each in values if int(each))
        if foreground:
            labels[name] = foreground
    if not labels:
        raise BadDataset(f"{file}: names only the background; add the tumor's label")
    return labels


def _chosen_labels(file: Path, labels: Mapping[str, tuple[str, ...]], options: OwnDataOptions) -> str:
    """The labels that are the tumor or its compartments, by value, as :attr:`OwnDataOptions.labels` writes them.

    Raises:
        BadDataset: there are several and none is chosen, or one is chosen that does not exist.
    """
    wanted = options.groups
    values = {value for own in labels.values() for value in own}
    if not wanted and len(labels) > 1:
        shown = ", ".join(f"{name} ({'+'.join(own)})" for name, own in labels.items())
        every = "+".join(sorted(values, key=int))
        raise BadDataset(
            f"{file}: {len(labels)} labels, {shown}: --labels {every}=tumor takes all of them, "
            f"--labels {'+'.join(list(labels.values())[-1])}=tumor one, and "
            f"--labels '{','.join(f'{name}={name}' for name in labels)}' trains each as a compartment"
        )
    chosen = []
    for group, items in (wanted or {"tumor": tuple(labels)}).items():
        absent = next((item for item in items if item not in labels and item not in values), None)
        if absent is not None:
            raise BadDataset(f"{file}: has no label {printable(absent)}; it has {', '.join(labels)}")
        own = dict.fromkeys(value for item in items for value in labels.get(item, (item,)))
        chosen.append(f"{'+'.join(own)}={group}")
    return ",".join(chosen)


def _channels(file: Path, stated: Any) -> tuple[dict[int, str], list[str]]:
    """The sequence of each channel, and a note on those that are not used.

    Raises:
        BadDataset: not names by number, two channels of one sequence, or several of which none has a known name.
    """
    if not isinstance(stated, dict) or not stated or not all(str(key).isdigit() for key in stated):
        raise BadDataset(f'{file}: has no channel_names, such as {{"0": "FLAIR"}}')
    names = {int(key): str(value) for key, value in stated.items()}
    found = {number: recognize_sequence(name) for number, name in names.items()}
    if len(names) == 1 or sorted(name.lower() for name in names.values()) == ["b", "g", "r"]:
        return {min(names): found[min(names)]}, []
    known = [sequence for sequence in found.values() if sequence != "unknown"]
    if not known or len(set(known)) < len(known):
        shown = ", ".join(f"{number}: {name}" for number, name in names.items())
        raise BadDataset(f"{file}: name each channel by a sequence of its own, t1, t1c, t2 or flair (it has {shown})")
    others = [name for number, name in names.items() if found[number] == "unknown"]
    return found, [f"channels that are not t1, t1c, t2 or flair are not used: {', '.join(others)}"] if others else []


def _ending(content: Mapping[str, Any]) -> str:
    return str(content.get("file_ending", ".nii.gz"))


def _cases(path: Path, content: Mapping[str, Any]) -> Iterator[FoundCase]:
    """The cases in the folders; images are by channel number, ``""`` for a file without one."""
    ending = _ending(content)
    for part, (images, labels) in _FOLDERS.items():
        if part and not (path / labels).is_dir():
            continue  # test cases without labels
        files: dict[str, dict[str, Path]] = defaultdict(dict)
        for file in sorted((path / images).glob(f"*{ending}")):
            if file.name.startswith("."):
                continue
            name = file.name.removesuffix(ending)
            channel = _CHANNEL.search(name)
            files[_CHANNEL.sub("", name)][channel[1] if channel else ""] = file
        for case, own in files.items():
            mask = path / labels / f"{case}{ending}"
            yield FoundCase(case, own, mask if mask.is_file() else None, part=part)


def _listed_cases(path: Path, stated: Mapping[str, Any]) -> Iterator[FoundCase]:
    """The cases that ``dataset.json`` lists with their files, relative to its folder; ``$NAME`` is the environment's."""
    for case, files in stated.items():
        try:
            images = [path / os.path.expandvars(image) for image in files["images"]]
            mask = path / os.path.expandvars(files["label"])
        except (TypeError, KeyError) as error:
            raise BadDataset(f"{path / DESCRIPTION}: the case {printable(str(case))} lacks images or label") from error
        numbered = {f"{number:04d}": image for number, image in enumerate(images)}
        absent = next((file for file in (*numbered.values(), mask) if not file.is_file()), None)
        if absent is not None:
            raise BadDataset(
                f"{path / DESCRIPTION}: the case {printable(str(case))} names {absent}, which is not there"
            )
        yield FoundCase(str(case), numbered, mask)


def _with_channels(path: Path, case: FoundCase, channels: Mapping[int, str]) -> FoundCase:
    """The case with its files by sequence.

    Raises:
        BadDataset: the file of a channel is missing.
    """
    if "" in case.images and len(channels) > 1:  # the file's fourth axis, as in the Medical Segmentation Decathlon
        return replace(case, channels=tuple(channels[number] for number in sorted(channels)))
    if "" in case.images:
        return replace(case, images={_key(next(iter(channels.values()))): case.images[""]})
    absent = next((number for number in channels if f"{number:04d}" not in case.images), None)
    if absent is not None:
        raise BadDataset(f"{path}: {case.case} lacks the channel {absent:04d} ({channels[absent]}) in imagesTr")
    files = {_key(sequence): case.images[f"{number:04d}"] for number, sequence in channels.items()}
    return replace(case, images={name: file for name, file in files.items() if name or len(files) == 1})


def _recognizes(path: Path) -> bool:
    """Whether the folder has a ``dataset.json`` with images beside it, or one that lists them."""
    try:
        return (path / DESCRIPTION).is_file() and (
            (path / "imagesTr").is_dir() or "dataset" in _load(path / DESCRIPTION)
        )
    except BadDataset:
        return False


def _key(sequence: str) -> str:
    """How :class:`FoundCase` writes a sequence."""
    return "" if sequence == "unknown" else sequence


ENTRY = own_entry(
    NnunetDataset.name,
    title="your own data as nnU-Net takes it, version 1 or 2",
    layout="`dataset.json`, `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`; `labelsTs` is the test part if it exists",
    open_layout=NnunetDataset.open,
    recognizes=_recognizes,
)
