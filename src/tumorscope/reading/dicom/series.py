"""A DICOM series as a scan: which files belong, in what order, showing what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.errors import UnreadableScan
from tumorscope.reading.checks import label
from tumorscope.reading.dicom.files import read_header
from tumorscope.reading.dicom.frames import Frame, frames_of, refusal
from tumorscope.reading.dicom.geometry import stack_frames
from tumorscope.reading.dicom.pixels import read_values
from tumorscope.reading.dicom.privacy import names_patient, patient_words, series_code
from tumorscope.reading.formats import DICOM_SUFFIXES
from tumorscope.reading.quiet import quiet_libraries
from tumorscope.reading.sequences import names_other, recognize_sequence
from tumorscope.scan import SEQUENCES, Scan

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class _Group:
    """Images that can lie on one grid, with the header of the first."""

    header: Dataset
    frames: list[Frame]

    @property
    def series(self) -> str:
        return str(self.header.get("SeriesInstanceUID", ""))


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
    main, *others = sorted(groups, key=lambda group: (-len(group.frames), _number(group), group.series))
    stack = stack_frames(main.frames, name)
    values = read_values(stack.frames, name)
    sequence, reason = _sequence(main.header, words)
    notes = (
        reason,
        *_left_out(main, others, words),
        *stack.notes,
        *_skipped(skipped, refused),
    )
    return Scan(
        voxels=values[..., None],
        sequences=(sequence,),
        case=case,
        kind="slices",
        affine=stack.affine,
        slice_names=tuple(_slice_name(frame, words, number) for number, frame in enumerate(stack.frames, 1)),
        source=path,
        notes=notes,
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
        except Exception:  # a damaged header makes pydicom raise many kinds
            refused["damaged or truncated DICOM; export it again"] += 1
            continue
        if reason:
            refused[reason] += 1
        for frame in frames:
            key = (str(dataset.get("SeriesInstanceUID", "")), frame.stack)
            groups.setdefault(key, _Group(dataset, [])).frames.append(frame)
    return list(groups.values()), refused, frozenset(words)


def _public_names(path: Path, words: frozenset[str], groups: list[_Group]) -> tuple[str, str]:
    """The path's name for messages and for the case; a code if it contains a part of a patient's name."""
    resolved = path.resolve()
    if not resolved.name or names_patient(resolved.name, words):
        code = series_code(groups[0].header) if groups else "series"
        return code, code
    has_suffix = path.is_file() and path.suffix.lower() in DICOM_SUFFIXES
    return label(resolved), resolved.stem if has_suffix else resolved.name


def _slice_name(frame: Frame, words: frozenset[str], number: int) -> str:
    name = frame.path.name
    if names_patient(name, words):
        return f"image-{number}"
    return f"{name}#{frame.index + 1}" if frame.index else name


def _sequence(header: Dataset, words: frozenset[str]) -> tuple[str, str]:
    """The sequence, ``"unknown"`` where the header is not plain, and a note that says why."""
    agent = str(header.get("ContrastBolusAgent", "") or "").strip().lower()
    contrast = bool(agent) and agent not in {"no", "none", "n", "0", "without", "nativ"}
    scanning = header.get("ScanningSequence") or ""
    scanning = {scanning} if isinstance(scanning, str) else set(scanning)
    for keyword, what in (("SeriesDescription", "series description"), ("ProtocolName", "protocol name")):
        text = _public_text(header, keyword, words)
        if names_other(text):
            break
        sequence = recognize_sequence(text, contrast)
        if sequence == "t2" and "GR" in scanning and "SE" not in scanning:
            return "unknown", f'sequence unknown: "{text}" is a gradient echo, so perhaps T2*'
        if sequence != "unknown":
            agent_note = ", and a contrast agent is recorded" if sequence == "t1c" and contrast else ""
            return sequence, f'sequence {sequence} taken from the {what} "{text}"{agent_note}'
    text = _public_text(header, "SeriesDescription", words)
    names = ", ".join(SEQUENCES)
    if not text:
        return "unknown", f"sequence unknown: no series description that names one of {names}"
    return "unknown", f'sequence unknown: the series description "{text}" does not plainly name one of {names}'


def _left_out(main: _Group, others: list[_Group], words: frozenset[str]) -> list[str]:
    if not others:
        return []
    shown = []
    for group in others[:6]:
        text = _public_text(group.header, "SeriesDescription", words)
        number = _number(group)
        what = f'"{text}"' if text else f"number {number}" if number else "without a description"
        same = ", same series in another orientation or size" if group.series == main.series else ""
        count = len(group.frames)
        shown.append(f"{what} ({count} image{'s' if count > 1 else ''}{same})")
    more = f" and {len(others) - 6} more" if len(others) > 6 else ""
    return [f"left out, not of the main series: {', '.join(shown)}{more}"]


def _skipped(other_files: int, refused: Counter[str]) -> list[str]:
    notes = []
    if other_files:
        notes.append(f"{other_files} file{'s' if other_files > 1 else ''} skipped: not DICOM")
    for reason, count in refused.most_common():
        notes.append(f"{count} DICOM file{'s' if count > 1 else ''} skipped: {reason.split(';')[0]}")
    return notes


def _public_text(header: Dataset, keyword: str, words: frozenset[str]) -> str:
    text = label(str(header.get(keyword, "") or "").strip() or "-").strip("-")
    return "" if names_patient(text, words) else text


def _number(group: _Group) -> int:
    try:
        return int(group.header.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        return 0
