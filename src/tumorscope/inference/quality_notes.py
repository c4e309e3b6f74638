"""Notes on an analysis: why a scan was rejected by the input check, and when its findings need care."""

from __future__ import annotations

import numpy as np

from tumorscope.core.note import Note
from tumorscope.core.scan import Scan
from tumorscope.inference.model_card import Card
from tumorscope.preprocessing.axial import View, acquired_plane

REJECTED_BY_APPEARANCE = Note("rejected_by_appearance", "this does not look like an MRI of a head")
DOUBTFUL_INPUT = Note(
    "doubtful_input", "this hardly looks like an MRI of a head; unless it is one, these findings mean nothing"
)


def rejection_by_reason(scan: Scan, header_reason: str | None) -> Note | None:
    """Why the header or the voxel values rule out a structural MRI of a head; None where neither does.

    Args:
        scan: with the rejection reason of either.
        header_reason: the header's alone.
    """
    if scan.rejection_reason is None:
        return None
    return Note("rejected_by_values" if header_reason is None else "rejected_by_header", scan.rejection_reason)


def rejection_warning(rejection: Note) -> Note:
    """The warning of a scan that the input check rejected: why, and how to analyze it all the same."""
    what = "an MRI of a head" if rejection == REJECTED_BY_APPEARANCE else "a structural MRI of a head"
    advice = f"nothing was assessed. If it is {what}, analyze it with --no-input-check"
    return Note(rejection.code, f"{rejection.text}; {advice}")


def plane_notes(scan: Scan, view: View, card: Card) -> list[Note]:
    """A note on thick slices in a plane that the network was not trained on."""
    plane = acquired_plane(scan.affine)
    if plane is None or plane in card.inputs.planes or not view.is_acquired:
        return []
    return [
        Note(
            "untrained_plane",
            f"the slices are {plane} and too thick to be resliced, and the network {card.name} was trained on "
            f"{' and '.join(card.inputs.planes)} slices only; do not rely on these findings",
        )
    ]


def quality_notes(scan: Scan, card: Card, present: bool, mask: np.ndarray, removed_components: int) -> list[Note]:
    """Notes on the voxel size and on the mask.

    Args:
        scan: what was analyzed.
        card: of the bundle.
        present: whether a slice reaches the operating point for presence.
        mask: boolean ``(slice, row, column)``.
        removed_components: how many components were too small to be kept.
    """
    notes = []
    if scan.affine is None:
        notes.append(Note("unknown_voxel_size", "the file does not give the voxel size; sizes are in pixels"))
    if present and "mask" in card.outputs and not mask.any():
        what = "a tumor is found, but no pixel is likely enough to be part of it, so nothing is segmented"
        notes.append(Note("mask_below_threshold", what))
    if removed_components:
        smallest = card.operating_point.min_component_size_px
        components = "part" if removed_components == 1 else "parts"
        what = f"{removed_components} small {components} of the mask (under {smallest} pixels of the network's input)"
        notes.append(Note("small_components", f"{what} left out"))
    return notes
