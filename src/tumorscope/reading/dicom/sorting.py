"""DICOM files sorted into images that can lie on one grid, by their headers alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tumorscope.reading.dicom.files import read_header, study_of
from tumorscope.reading.dicom.frames import Frame, frames_of, refusal
from tumorscope.reading.dicom.header import SeriesHeader, series_key
from tumorscope.reading.dicom.privacy import patient_words

OnFiles = Callable[[int, int], None]
"""Called now and then while headers are read: how many files are done, and how many there are."""

_TOLD_EVERY = 50

Study = tuple[str, str]
"""StudyInstanceUID and PatientID, empty where not given."""


@dataclass(frozen=True, eq=False)
class Group:
    """Images of one series that can be one volume: same echo, size, orientation and spacing."""

    header: SeriesHeader
    series: str
    study: Study
    frames: list[Frame]


@dataclass(frozen=True, eq=False)
class Sorted:
    """What a set of DICOM files holds.

    Attributes:
        groups: the MR images.
        refused: why other files were left out, and how many.
        words: parts of the patients' names, which no message may hold.
    """

    groups: list[Group] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    words: frozenset[str] = frozenset()


def sort_files(files: Sequence[Path], on_files: OnFiles | None = None) -> Sorted:
    """Read the header of every file, and sort the images by series and grid."""
    groups: dict[tuple[str, Study], list[Group]] = {}
    refused: Counter[str] = Counter()
    words: set[str] = set()
    for path in counted(files, on_files):
        try:
            dataset, has_pixels = read_header(path)
            words |= patient_words(dataset)
            reason = refusal(dataset, has_pixels)
            frames = [] if reason else frames_of(path, dataset)
            series, study = series_key(dataset), study_of(dataset)
            known = groups.setdefault((series, study), [])
            for frame in frames:
                _add(frame, known, dataset, series, study)
        except Exception:  # a damaged header makes pydicom raise many kinds
            refused["damaged or truncated DICOM; export it again"] += 1
            continue
        if reason:
            refused[reason] += 1
    return Sorted([group for several in groups.values() for group in several], refused, frozenset(words))


def counted(files: Sequence[Path], on_files: OnFiles | None) -> Any:
    """The files one by one, telling how many are done."""
    for done, path in enumerate(files, 1):
        yield path
        if on_files is not None and (done % _TOLD_EVERY == 0 or done == len(files)):
            on_files(done, len(files))


def distinct_studies(studies: Sequence[Study]) -> dict[Study, Study]:
    """For each study that a file states, the study it belongs to.

    A file that lacks one of the two UIDs belongs to the only study that it does not contradict.
    """
    complete = [study for study in dict.fromkeys(studies) if all(study)]
    belongs = {}
    for study in dict.fromkeys(studies):
        fits = [known for known in complete if all(a == b or not a for a, b in zip(study, known, strict=True))]
        belongs[study] = fits[0] if len(fits) == 1 else study
    return belongs


def _add(frame: Frame, known: list[Group], dataset: Any, series: str, study: Study) -> None:
    for group in known:
        if frame.lies_with(group.frames[0]):
            group.frames.append(frame)
            return
    known.append(Group(SeriesHeader.of(dataset), series, study, [frame]))
