"""An analysis with a segmentation that a person has corrected: everything that depends on it is recomputed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.note import Note
from tumorscope.inference.acquired_slices import network_view
from tumorscope.inference.analysis_result import Analysis, with_mask
from tumorscope.inference.channels import arrange_channels
from tumorscope.inference.engine import Engine

CORRECTED = Note(
    "corrected_segmentation",
    "the segmentation was corrected by hand; the probabilities, and the type by the network, are those of the analysis "
    "before that",
)
_ON_MASKS = ("enhancing_outside", "enhancing_apart")
"""Notes on where the networks' masks are relative to each other."""


def revise(analysis: Analysis, engines: Engine | Sequence[Engine], mask: np.ndarray) -> Analysis:
    """Replace the network's segmentation by a person's.

    Lesions, areas, volume and the type by the radiomics classifier are recomputed from the new segmentation,
    and a tumor is present where something is segmented. The network's probabilities stay, and so does its reason to
    doubt the types that it knows, which holds for the radiomics classifier as well. Where the analysis has
    parts, such as the enhancing tumor, the new segmentation is the whole tumor: a part is what its network segments
    inside of it, as what a person removes from the tumor is not an enhancing tumor either, and whether what is added
    enhances, nobody has said.

    Args:
        analysis: of the scan by the network.
        engines: the one that made it, or one for each of its labels.
        mask: boolean ``(slice, row, column)`` on the scan's grid.

    Raises:
        TumorscopeError: the mask has another shape, or the scan was not assessed.
    """
    scan = analysis.scan
    if not analysis.assessed:
        raise TumorscopeError(
            f"{scan.case}: was not assessed; analyze it with input_check=False before its segmentation is corrected"
        )
    if mask.shape != scan.shape:
        raise TumorscopeError(f"{scan.case}: the mask's shape {mask.shape} is not the scan's {scan.shape}")
    used = [engines] if isinstance(engines, Engine) else list(engines)
    parts = tuple(with_mask(replace(part, corrected=True), part.mask & mask) for part in analysis.parts)
    by_another = [part for part in parts if part.bundle.name != analysis.bundle.name]
    revised = with_mask(analysis, mask, by_another[0].slices if by_another else ())
    # The last bundle predicts the type: the only one, or the T1c bundle.
    typed, engine = [revised, *by_another][-1], used[-1]
    channels, _ = arrange_channels(scan, engine.bundle.card)
    view = network_view(scan)
    by_radiomics = engine.classify_by_radiomics(view.forward(channels), view.forward(typed.mask))
    return replace(
        revised,
        tumor_present=bool(mask.any()),
        radiomics_classifier=by_radiomics and by_radiomics.doubted_like(analysis.tumor_type),
        warnings=(CORRECTED, *([_parts_corrected(analysis)] if parts else []), *_still_true(revised.warnings)),
        corrected=True,
        parts=parts,
        analyzed_at=datetime.now().astimezone(),
    )


def _parts_corrected(analysis: Analysis) -> Note:
    names = " and the ".join(part.label for part in analysis.parts)
    are = "is" if len(analysis.parts) == 1 else "are"
    text = f"the {analysis.label} was corrected; the {names} {are} what the network segments inside of it"
    return Note("corrected_segmentation", text)


def _still_true(warnings: Sequence[Note]) -> tuple[Note, ...]:
    """Without those on the networks' masks, which a person has replaced."""
    return tuple(note for note in warnings if note.code not in _ON_MASKS)
