"""One DICOM series as a scan: the order of its images, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorscope.core.scan import Scan
from tumorscope.io.dicom.grouping import VolumeCandidate
from tumorscope.io.dicom.image_attributes import Frame
from tumorscope.io.dicom.pixels import read_images
from tumorscope.io.dicom.privacy import contains_patient_name
from tumorscope.io.dicom.scales import notes_on_values
from tumorscope.io.dicom.slice_order import stack_frames


def read_series(
    group: VolumeCandidate, sequence: str, case: str, source: Path | None, name: str, words: frozenset[str]
) -> Scan:
    """The images in the acquired in-plane orientation, slices sorted by position.

    Slices ascend towards superior (axial), posterior (coronal) or the patient's right
    (sagittal).

    Args:
        group: of one size and orientation.
        sequence: what they show.
        case, source: for the scan.
        name: the series, for errors.
        words: the patient's name, kept out of the slices' names.

    Returns:
        A scan of one channel.

    Raises:
        UnreadableScan: an image that cannot be decoded, a geometry that is none.
    """
    stack = stack_frames(group.frames, name)
    values, images = read_images(stack.frames, name)
    return Scan(
        voxels=values[..., None],
        sequences=(sequence,),
        case=case,
        kind="slices",
        affine=stack.affine,
        slice_positions=stack.slice_positions,
        slice_names=tuple(_slice_name(frame, words, number) for number, frame in enumerate(stack.frames, 1)),
        slice_numbers=_slice_numbers(stack.frames),
        source_images=images,
        source=source,
        notes=(*stack.notes, *notes_on_values(images)),
    )


def _slice_numbers(frames: Sequence[Frame]) -> tuple[int, ...]:
    """The instance numbers of the images, or the frames' within their file; none where these do not tell them apart."""
    multi_frame = any(frame.index for frame in frames)
    numbers = tuple(frame.index + 1 if multi_frame else frame.instance for frame in frames)
    missing = set(numbers) == {0}
    return () if missing or len(set(numbers)) < len(numbers) else numbers


def _slice_name(frame: Frame, words: frozenset[str], number: int) -> str:
    if contains_patient_name(frame.path.name, words):
        return f"image-{number}"
    return f"{frame.path.name}#{frame.index + 1}" if frame.index else frame.path.name
