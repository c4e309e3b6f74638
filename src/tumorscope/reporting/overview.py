"""An analysis at a glance: a short table and a thumbnail, for Python's prompt and Jupyter.

Neither names the case or a file: names of patients are found in both, and notebooks are shared with their outputs.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tumorscope.core.note import Note
from tumorscope.inference.analysis import Analysis
from tumorscope.reporting.panel import draw_thumbnail
from tumorscope.reporting.png import encode_png
from tumorscope.reporting.wording import (
    diameters_text,
    finding_sentence,
    positive_slices,
    probability_text,
    sequence_text,
    side_text,
    size_text,
    type_sentence,
    volume_text,
)

if TYPE_CHECKING:
    from tumorscope.measurement.lesions import Lesion

_MOST_LESIONS = 5
_WITHOUT_NAMES = frozenset(
    {
        "assumed_spacing",
        "doubtful_input",
        "enhancing_apart",
        "enhancing_outside",
        "implausible_voxel_size",
        "mask_below_threshold",
        "networks_disagree",
        "no_activation_map",
        "no_contrast",
        "rejected_by_appearance",
        "rejected_by_values",
        "sequence_assumed",
        "sequence_missing",
        "small_components",
        "turned_upright",
        "uneven_slices",
        "unknown_voxel_size",
        "untrained_plane",
        "uptake_unknown",
        "value_scale",
        "values_replaced",
    }
)
"""Notes whose text quotes no name of a file, series or patient. Others are shown by their code."""


def rows_of(analysis: Analysis) -> list[tuple[str, str]]:
    """Titles and values of the short table."""
    scan = analysis.scan
    size = "×".join(map(str, scan.shape))
    rows = [
        ("finding", finding_sentence(analysis)),
        ("scan", f"{size} voxels, {', '.join(map(sequence_text, scan.sequences))}"),
        ("bundle", " and ".join(f"{label.bundle.name} {label.bundle.card.version}" for label in analysis.labels)),
    ]
    if analysis.assessed:
        rows.append(("tumor probability", probability_text(analysis.tumor_probability)))
        rows.append(("slices with tumor", f"{positive_slices(analysis)} of {len(analysis.slices)}"))
    for label in analysis.labels:
        if label.lesions:
            rows.append((f"{label.label}, size", size_text(label)))
    shown = analysis.lesions[:_MOST_LESIONS]
    rows += [(f"lesion {number}", _lesion_text(lesion, analysis)) for number, lesion in enumerate(shown, start=1)]
    if len(analysis.lesions) > _MOST_LESIONS:
        rows.append(("", f"and {len(analysis.lesions) - _MOST_LESIONS} smaller ones"))
    if analysis.tumor_type is not None:
        rows.append(("type", type_sentence(analysis.tumor_type)))
    rows += [("warning", _note_text(note)) for note in analysis.warnings]
    return [*rows, ("", analysis.notice)]


def as_text(analysis: Analysis) -> str:
    """The table as lines of text."""
    rows = rows_of(analysis)
    width = max(len(title) for title, _ in rows)
    return "\n".join(f"{title:<{width}}  {value}" for title, value in rows)


def as_html(analysis: Analysis) -> str:
    """The table beside a thumbnail of the most representative slice, as one self-contained element."""
    from markupsafe import escape

    image = base64.b64encode(encode_png(draw_thumbnail(analysis))).decode()
    cells = "".join(
        f'<tr><th style="text-align:left;vertical-align:top;white-space:nowrap">{escape(title)}</th>'
        f'<td style="text-align:left">{escape(value)}</td></tr>'
        for title, value in rows_of(analysis)
    )
    return (
        '<div style="display:flex;gap:1em;align-items:flex-start;max-width:60em">'
        f'<img alt="MRI with the predicted mask" src="data:image/png;base64,{image}">'
        f"<table>{cells}</table></div>"
    )


def _lesion_text(lesion: Lesion, analysis: Analysis) -> str:
    unit = "pixel" if len(analysis.slices) == 1 else "voxel"
    parts = [volume_text(lesion.voxels, lesion.volume_mm3, unit)]
    if lesion.diameters is not None:
        parts.append(diameters_text(lesion.diameters, analysis.scan.pixel_area_mm2 is not None))
    if lesion.laterality is not None:
        parts.append(side_text(lesion))
    return ", ".join(parts)


def _note_text(note: Note) -> str:
    return note.text if note.code in _WITHOUT_NAMES else f"{note.code.replace('_', ' ')}, see analysis.warnings"
