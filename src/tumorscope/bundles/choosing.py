"""Which bundle suits a scan, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tumorscope.bundles.bundle import Bundle
from tumorscope.errors import TumorscopeError
from tumorscope.scan import Scan


@dataclass(frozen=True)
class BundleChoice:
    """A bundle and the reason for it, in one sentence for the report."""

    bundle: Bundle
    reason: str


def choose_bundle(scan: Scan, bundles: Sequence[Bundle]) -> BundleChoice:
    """The bundle that finds most of its sequences in the scan.

    Names of sequences come from DICOM tags, file names or the user. Where two bundles find
    as many, the one with fewer left to stand in for is taken.

    Args:
        scan: what is to be analysed.
        bundles: those to choose from.

    Raises:
        TumorscopeError: none of them can take the scan.
    """
    fitting = [bundle for bundle in bundles if _can_take(bundle, scan.sequences)]
    if not fitting:
        wanted = "; ".join(f"{bundle.name} takes {', '.join(bundle.card.inputs.sequences)}" for bundle in bundles)
        raise TumorscopeError(
            f"{scan.case}: no bundle takes {', '.join(scan.sequences)} ({wanted}); "
            "name the channels with --channels, or a bundle with --bundle"
        )
    best = max(fitting, key=lambda bundle: (_found(bundle, scan.sequences), -len(bundle.card.inputs.sequences)))
    return BundleChoice(best, f"bundle {best.name} was taken because {_reason(best, scan.sequences)}")


def _found(bundle: Bundle, sequences: Sequence[str]) -> int:
    return sum(name in sequences for name in bundle.card.inputs.sequences)


def _can_take(bundle: Bundle, sequences: Sequence[str]) -> bool:
    """Whether every sequence is there, or has one that may stand in."""
    inputs = bundle.card.inputs
    named = [name for name in sequences if name != "unknown" or len(sequences) == 1]
    return all(
        name in named or any(other in named for other in inputs.stands_in.get(name, ())) for name in inputs.sequences
    )


def _reason(bundle: Bundle, sequences: Sequence[str]) -> str:
    found = [name for name in bundle.card.inputs.sequences if name in sequences]
    if found:
        return f"the scan has {', '.join(found)}"
    return f"it takes single slices and the scan's sequence is {sequences[0]}"
