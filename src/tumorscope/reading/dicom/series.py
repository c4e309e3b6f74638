"""A DICOM series as a scan: which files belong, in what order, showing what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import label
from tumorscope.reading.dicom.files import read_header
from tumorscope.reading.dicom.frames import Frame, frames_of, refusal
from tumorscope.reading.dicom.geometry import stack_frames
from tumorscope.reading.dicom.header import SeriesHeader, public_text, sequence_of
from tumorscope.reading.dicom.pixels import read_values
from tumorscope.reading.dicom.privacy import names_patient, patient_words, series_code
from tumorscope.reading.formats import DICOM_SUFFIXES
from tumorscope.reading.quiet import quiet_libraries
from tumorscope.scan import Scan

_MOST_TOLD = 6
"""More series than this are left out without being named each."""


@dataclass(frozen=True, eq=False)
class _Group:
    """Images of one series that can lie on one grid."""

    header: SeriesHeader
    frames: list[Frame]


@quiet_libraries()
def read_dicom(path: Path, files: list[Path], skipped: int = 0) -> Scan:
    """One series, in the acquired in-plane orientation, slices sorted by position.

    Slices ascend towards superior (axial), posterior (coronal) or the patient's right
    (sagittal). Of a folder with several series the one with the most images is taken.

    Args:
        path: what the user named, a file or a folder.
        files: the DICOM files there.
        skipped: other files there, for the note.

    Raises:
        UnreadableScan: no MR image among the files, or one that cannot be decoded.
    """
    groups, refused, words = _sort_out(files)
    name, case = _public_names(path, words, groups)
    if not groups:
        reason, count = refused.most_common(1)[0]
        shown = f"{name}: " if len(files) == 1 else f"{name}: no MR images; {count} of {len(files)} files: "
        raise UnreadableScan(f"{shown}{reason}")
    main, *others = sorted(groups, key=lambda group: (-len(group.frames), group.header.number, group.header.series))
    stack = stack_frames(main.frames, name)
    values = read_values(stack.frames, name)
    sequence, why = sequence_of(main.header, words)
    return Scan(
        voxels=values[..., None],
        sequences=(sequence,),
        case=case,
        kind="slices",
        affine=stack.affine,
        slice_names=tuple(_slice_name(frame, words, number) for number, frame in enumerate(stack.frames, 1)),
        source=path,
        notes=(why, *_left_out(main, others, words), *stack.notes, *_skipped(skipped, refused)),
    )


def _sort_out(files: list[Path]) -> tuple[list[_Group], Counter[str], frozenset[str]]:
    """The images by series and grid, why files were refused, and the patients' names."""
    groups: dict[tuple, _Group] = {}
    refused: Counter[str] = Counter()
    words: set[str] = set()
    for path in files:
        try:
            dataset, has_pixels = read_header(path)
            words |= patient_words(dataset)
            reason = refusal(dataset, has_pixels)
            frames = [] if reason else frames_of(path, dataset)
            header = SeriesHeader.of(dataset)
        except Exception:  # a damaged header makes pydicom raise many kinds
            refused["damaged or truncated DICOM; export it again"] += 1
            continue
        if reason:
            refused[reason] += 1
        for frame in frames:
            groups.setdefault((header.series, frame.stack), _Group(header, [])).frames.append(frame)
    return list(groups.values()), refused, frozenset(words)


def _public_names(path: Path, words: frozenset[str], groups: list[_Group]) -> tuple[str, str]:
    """The path's name for messages and for the case; a code if it contains a part of a patient's name."""
    resolved = path.resolve()
    if not resolved.name or names_patient(resolved.name, words):
        code = series_code(groups[0].header.series) if groups else "series"
        return code, code
    has_suffix = path.is_file() and path.suffix.lower() in DICOM_SUFFIXES
    return label(resolved), resolved.stem if has_suffix else resolved.name


def _slice_name(frame: Frame, words: frozenset[str], number: int) -> str:
    if names_patient(frame.path.name, words):
        return f"image-{number}"
    return f"{frame.path.name}#{frame.index + 1}" if frame.index else frame.path.name


def _left_out(main: _Group, others: list[_Group], words: frozenset[str]) -> list[str]:
    if not others:
        return []
    shown = []
    for group in others[:_MOST_TOLD]:
        text, number, count = public_text(group.header.description, words), group.header.number, len(group.frames)
        what = f'"{text}"' if text else f"number {number}" if number else "without a description"
        same = ", same series in another orientation or size" if group.header.series == main.header.series else ""
        shown.append(f"{what} ({count} image{'s' if count > 1 else ''}{same})")
    more = f" and {len(others) - _MOST_TOLD} more" if len(others) > _MOST_TOLD else ""
    return [f"left out, not of the main series: {', '.join(shown)}{more}"]


def _skipped(other_files: int, refused: Counter[str]) -> list[str]:
    notes = []
    if other_files:
        notes.append(f"{other_files} file{'s' if other_files > 1 else ''} skipped: not DICOM")
    for reason, count in refused.most_common():
        notes.append(f"{count} DICOM file{'s' if count > 1 else ''} skipped: {reason.split(';')[0]}")
    return notes
