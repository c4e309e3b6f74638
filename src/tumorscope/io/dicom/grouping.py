"""DICOM files grouped, by their headers alone, into images that can form one volume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tumorscope.core.errors import UnreadableScan
from tumorscope.io.checks import label
from tumorscope.io.dicom.file_reader import read_header, study_of
from tumorscope.io.dicom.header import SeriesHeader, series_key
from tumorscope.io.dicom.image_attributes import Frame, frames_of, rejection_reason
from tumorscope.io.dicom.missing_identity import Stated, Study, with_patients
from tumorscope.io.dicom.privacy import name_tokens
from tumorscope.io.options import OnFiles

_TOLD_EVERY = 50


@dataclass(frozen=True, eq=False)
class VolumeCandidate:
    """Images of one series that can be one volume: same kind, echo, size, orientation and spacing."""

    header: SeriesHeader
    series: str
    study: Study
    frames: list[Frame]


@dataclass(frozen=True, eq=False)
class ScanResult:
    """What a set of DICOM files holds.

    Attributes:
        groups: the MR images.
        refused: why other files were left out, and how many.
        words: parts of the patients' names, which no message may hold.
    """

    groups: list[VolumeCandidate] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    words: frozenset[str] = frozenset()


def sort_files(files: Sequence[Path], on_files: OnFiles | None = None) -> ScanResult:
    """Read the header of every file, and group the images by series and grid.

    A file that cannot be read is left out and counted; other errors are the program's and pass.
    """
    groups: dict[Stated, list[VolumeCandidate]] = {}
    refused: Counter[str] = Counter()
    words: set[str] = set()
    for path in with_progress(files, on_files):
        try:
            dataset, has_pixels = read_header(path)
        except UnreadableScan as error:
            refused[str(error).removeprefix(f"{label(path)}: ")] += 1
            continue
        except OSError as error:  # a file that vanished, a drive that failed
            refused[f"cannot be read ({error.strerror or 'unknown reason'}); check the disk"] += 1
            continue
        words |= name_tokens(dataset)
        reason = rejection_reason(dataset, has_pixels)
        if reason:
            refused[reason] += 1
            continue
        stated = Stated(study_of(dataset), series_key(dataset))
        known = groups.setdefault(stated, [])
        for frame in frames_of(path, dataset):
            _add(frame, known, dataset, stated)
    return ScanResult(_with_patients(groups), refused, frozenset(words))


def with_progress(files: Sequence[Path], on_files: OnFiles | None) -> Any:
    """The files one by one; reports how many are done."""
    for done, path in enumerate(files, 1):
        yield path
        if on_files is not None and (done % _TOLD_EVERY == 0 or done == len(files)):
            on_files(done, len(files))


def _add(frame: Frame, known: list[VolumeCandidate], dataset: Any, stated: Stated) -> None:
    for group in known:
        if frame.shares_grid_with(group.frames[0]):
            group.frames.append(frame)
            return
    known.append(VolumeCandidate(SeriesHeader.of(dataset, frame.index), stated.series, stated.study, [frame]))


def _with_patients(groups: dict[Stated, list[VolumeCandidate]]) -> list[VolumeCandidate]:
    """The groups, those joined that only a blank PatientID has parted."""
    studies = with_patients(groups)
    joined: dict[Stated, list[VolumeCandidate]] = {}
    for stated, several in groups.items():
        known = joined.setdefault(Stated(studies[stated], stated.series), [])
        for group in several:
            same = next((other for other in known if group.frames[0].shares_grid_with(other.frames[0])), None)
            if same is None:
                known.append(replace(group, study=studies[stated]))
            else:
                same.frames.extend(group.frames)
    return [group for several in joined.values() for group in several]
