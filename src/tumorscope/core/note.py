"""Notes: what a reader of the results should know, each with a code for programs and a text for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

NoteCode = Literal[
    # The input check
    "rejected_by_header",
    "rejected_by_values",
    "rejected_by_appearance",
    "doubtful_input",
    # Files and series
    "files_skipped",
    "files_missing",
    "partial_series",
    "series_left_out",
    "series_choice",
    "images_left_out",
    "incomplete_study",
    # Sequences
    "sequence_source",
    "sequence_assumed",
    "sequence_missing",
    "sequence_recognized",
    "sequence_contradicted",
    # Voxel values
    "values_replaced",
    "value_scale",
    "no_contrast",
    "turned_upright",
    "single_volume",
    # Position and size
    "unknown_voxel_size",
    "voxel_size_given",
    "implausible_voxel_size",
    "assumed_spacing",
    "assumed_order",
    "assumed_orientation",
    "assumed_frame_of_reference",
    "conflicting_transforms",
    "uneven_slices",
    "series_resampled",
    "series_registered",
    "partial_coverage",
    "untrained_plane",
    # Patient and study
    "patient_key_missing",
    "patient_assumed",
    "conflicting_patients",
    "several_patients",
    "no_references",
    # Masks and measurements
    "mask_threshold",
    "label_missing",
    "labels_left_out",
    "mask_outside_scan",
    "mask_below_threshold",
    "contours_left_out",
    "assumed_grid",
    "small_components",
    "unknown_volume",
    "corrected_segmentation",
    "location_not_assessed",
    # Several bundles on one scan
    "networks_disagree",
    "enhancing_outside",
    "enhancing_apart",
    "uptake_unknown",
    # Comparison of two studies
    "forced_comparison",
    "unverified_origin",
    "unmatched_lesions",
    "possible_new_lesion",
    "target_limit",
    "minor_response",
    "small_new_lesions",
    # Outputs
    "no_activation_map",
    "dicom_not_written",
]
"""What a note is about. Programs decide by the code alone; texts may change."""


INFORMATIVE: frozenset[NoteCode] = frozenset(
    {
        "files_skipped", "series_left_out", "series_choice", "images_left_out", "sequence_source", "sequence_recognized",
        "value_scale", "turned_upright", "single_volume", "voxel_size_given", "series_resampled", "series_registered",
        "patient_key_missing", "no_references", "mask_threshold", "small_components", "location_not_assessed",
        "no_activation_map", "dicom_not_written",
    }
)  # fmt: skip
"""Codes of notes that tell what was done; all others are warnings, after which findings may be wrong."""


@dataclass(frozen=True)
class Note:
    """One thing that a reader of the results should know.

    Attributes:
        code: what it is about.
        text: one sentence without a capital or a full stop, free of patient names.

    >>> str(Note("no_contrast", "no contrast in flair: every pixel is the same"))
    'no contrast in flair: every pixel is the same'
    """

    code: NoteCode
    text: str

    def __str__(self) -> str:
        return self.text

    def about(self, subject: str) -> Note:
        """The same note with its subject named before the text, such as one of several series."""
        return Note(self.code, f"{subject}: {self.text}")


def texts(notes: Iterable[Note]) -> tuple[str, ...]:
    """The notes' texts, in their order."""
    return tuple(note.text for note in notes)


def without(notes: Iterable[Note], code: NoteCode) -> tuple[Note, ...]:
    """The notes but those with a code."""
    return tuple(note for note in notes if note.code != code)
