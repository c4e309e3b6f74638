"""The choice of a bundle for a scan, and its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.scan import Scan
from tumorscope.inference.bundle import Bundle
from tumorscope.inference.labels import ENHANCING_TUMOR, WHOLE_TUMOR, label_name
from tumorscope.preprocessing.axial import Plane, acquired_plane, axial_view


@dataclass(frozen=True)
class BundleChoice:
    """A bundle and the reason for it, in one sentence for the report."""

    bundle: Bundle
    reason: str


def choose_bundles(scan: Scan, bundles: Sequence[Bundle]) -> tuple[BundleChoice, ...]:
    """The bundle that receives most of its sequences from the scan, and those that complement it with a label.

    Names of sequences come from DICOM tags, file names or the user. Where two bundles receive as many, the one with
    fewer substituted sequences is chosen. A single image whose sequence was only recognized from its pixels goes to a
    bundle of single slices, which knows such images of any sequence. For slices too thick to be resliced axially, a
    bundle that was trained on their plane is preferred.

    A scan with FLAIR and T1c is segmented on both: the whole tumor on FLAIR, the enhancing tumor on T1c
    (:mod:`tumorscope.inference.labels`). Only a sequence that the scan really has gives a label.

    Args:
        scan: what is to be analyzed.
        bundles: those to choose from.

    Raises:
        TumorscopeError: no bundle can take the scan.
    """
    fitting = [bundle for bundle in bundles if _can_take(bundle, scan.sequences)]
    if not fitting:
        wanted = "; ".join(f"{bundle.name} takes {', '.join(bundle.card.inputs.sequences)}" for bundle in bundles)
        raise TumorscopeError(
            f"{scan.case}: no bundle takes {', '.join(scan.sequences)} ({wanted}); "
            "name the channels with --channels, or a bundle with --bundle"
        )
    plane = _fixed_plane(scan)
    trained = [bundle for bundle in fitting if plane is None or plane in bundle.card.inputs.planes]
    left_out = [bundle.name for bundle in fitting if trained and bundle not in trained]
    fitting = trained or fitting
    if _is_recognized_image(scan):
        fitting = [bundle for bundle in fitting if len(bundle.card.inputs.sequences) == 1] or fitting
    best = max(fitting, key=lambda bundle: (_found(bundle, scan.sequences), -len(bundle.card.inputs.sequences)))
    reason = f"bundle {best.name} was chosen because {_reason(best, scan.sequences)}"
    if left_out:
        reason += f"; {', '.join(left_out)} was not trained on {plane} slices"
    return (BundleChoice(best, reason), *_complements(best, fitting, scan))


def _complements(best: Bundle, fitting: Sequence[Bundle], scan: Scan) -> list[BundleChoice]:
    """For the whole tumor, a bundle that segments the enhancing tumor."""
    if label_name(best.card, scan) != WHOLE_TUMOR:
        return []
    return [
        BundleChoice(bundle, f"bundle {bundle.name} was added for the {ENHANCING_TUMOR} because the scan has t1c")
        for bundle in fitting
        if label_name(bundle.card, scan) == ENHANCING_TUMOR
    ][:1]


def _is_recognized_image(scan: Scan) -> bool:
    return (
        scan.kind == "image" and scan.shape[0] == 1 and any(note.code == "sequence_recognized" for note in scan.notes)
    )


def _fixed_plane(scan: Scan) -> Plane | None:
    """The plane of slices that are analyzed as they were acquired; None where they are resliced axially."""
    view = axial_view(scan.shape, scan.affine)
    return acquired_plane(scan.affine) if view.is_acquired and scan.kind != "image" else None


def _found(bundle: Bundle, sequences: Sequence[str]) -> int:
    return sum(name in sequences for name in bundle.card.inputs.sequences)


def _can_take(bundle: Bundle, sequences: Sequence[str]) -> bool:
    """Whether every sequence is there, or one that may substitute it."""
    inputs = bundle.card.inputs
    named = [name for name in sequences if name != "unknown" or len(sequences) == 1]
    return all(
        name in named or any(other in named for other in inputs.substitutes.get(name, ())) for name in inputs.sequences
    )


def _reason(bundle: Bundle, sequences: Sequence[str]) -> str:
    found = [name for name in bundle.card.inputs.sequences if name in sequences]
    if found:
        return f"the scan has {', '.join(found)}"
    return f"it takes single slices and the scan's sequence is {sequences[0]}"
