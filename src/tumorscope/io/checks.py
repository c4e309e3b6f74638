"""Checks of every scan, whichever reader made it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorscope.core.errors import UnreadableScan
from tumorscope.core.note import Note
from tumorscope.core.scan import Scan

MAX_VOXELS = 256_000_000
"""The largest volume that is opened, counting all channels: 640³, or 1 GiB as float32."""

SMALLEST_SIDE = 16
"""Fewer rows or columns than this show no brain."""

MOST_BAD_VOXELS = 0.01
"""Up to this share of NaN or infinite voxels is repaired; more means a damaged file."""


FILL = 1e20
"""Programs fill with values beyond this, such as -3.4e38 and 1e30, unknown voxels; no scanner measures them."""


HEAD_MM = (100.0, 350.0)
"""The smallest and the largest size of a head in the slices that show most of it."""

_FEW_SLICES = 16


def label(path: Path | str) -> str:
    r"""A file's name for a message: one line, not endless.

    >>> label(Path("/data/scan.png"))
    'scan.png'
    >>> label("two\nlines.png")
    'two?lines.png'
    """
    name = printable(Path(path).name or str(path))
    return name if len(name) <= 100 else f"{name[:60]}…{name[-30:]}"


def is_file(path: Path) -> bool:
    """Whether a file is there; False, too, where its name, derived from another's, is too long for the disk."""
    try:
        return path.is_file()
    except OSError:
        return False


def printable(text: str) -> str:
    """The text with a question mark for everything that would break or color a terminal's line."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def size_text(shape: tuple[int, ...]) -> str:
    """``240×240×155``."""
    return "×".join(str(length) for length in shape)


def reason(error: BaseException, path: Path) -> str:
    """The first line of another library's message about a file, short enough to quote, without its folder."""
    lines = str(error).replace(str(path), path.name).strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__)[:120]


def public_name(scan: Scan) -> str:
    """The file's name for a message, or the case where the file's name may not be shown."""
    shows_case = scan.source is not None and scan.source.name.startswith(scan.case)
    return label(scan.source if scan.source is not None and shows_case else scan.case)


def checked(scan: Scan) -> Scan:
    """The scan with NaN and infinities repaired, or an error where it cannot be used.

    Raises:
        UnreadableScan: no slices, too small, constant, or full of NaN.
    """
    name = public_name(scan)
    slices, rows, columns = scan.shape
    if slices == 0 or scan.voxels.shape[3] == 0:
        raise UnreadableScan(f"{name}: holds no slices; check that the export was complete")
    if min(rows, columns) < SMALLEST_SIDE:
        raise UnreadableScan(
            f"{name}: {rows}×{columns} pixels are too few; at least {SMALLEST_SIDE}×{SMALLEST_SIDE} are needed"
        )
    scan = _finite(scan, name)
    flat = [sequence for channel, sequence in enumerate(scan.sequences) if _constant(scan.voxels[..., channel])]
    if len(flat) == len(scan.sequences):
        raise UnreadableScan(f"{name}: has no contrast, every pixel is the same; check the export")
    if flat:
        note = Note("no_contrast", f"no contrast in {', '.join(flat)}: every pixel is the same")
        scan = replace(scan, notes=(*scan.notes, note))
    return _with_doubts(scan)


def _with_doubts(scan: Scan) -> Scan:
    """The scan with a note where its content is too small or too large for a head at its voxel size."""
    if scan.affine is None or scan.spacing_mm is None:
        return scan
    shown = _shown_mm(scan.voxels, scan.spacing_mm, scan.pixel_aspect)
    smallest, largest = HEAD_MM
    if shown[0] >= smallest and max(shown) <= largest:
        return scan
    note = Note(
        "implausible_voxel_size",
        f"voxels of {'×'.join(f'{length:.3g}' for length in reversed(scan.spacing_mm))} mm make what is shown "
        f"{max(shown):,.0f} mm large, a head measures {smallest:g} to {largest:g} mm; check the voxel size",
    )
    return scan if note in scan.notes else replace(scan, notes=(*scan.notes, note))


def _shown_mm(voxels: np.ndarray, spacing_mm: tuple[float, float, float], aspect: float) -> tuple[float, float]:
    """How large the head is, in mm: within the slices, and across them."""
    from tumorscope.preprocessing.head import head_box, head_mask

    chosen = np.unique(np.linspace(0, len(voxels) - 1, _FEW_SLICES).round().astype(int))
    head = head_mask(voxels[chosen])
    areas = head.mean(axis=(1, 2))
    shown = chosen[areas >= 0.1 * areas.max()]
    return head_box(head, aspect, margin=0).width * spacing_mm[2], float(shown[-1] - shown[0]) * spacing_mm[0]


def _finite(scan: Scan, name: str) -> Scan:
    if scan.voxels.dtype.kind != "f":
        return scan
    voxels = scan.voxels
    if voxels.min() > -FILL and voxels.max() < FILL:  # false for NaN
        return scan
    finite = np.isfinite(voxels)
    bad = finite.size - int(np.count_nonzero(finite))
    share = bad / finite.size
    if share > MOST_BAD_VOXELS:
        raise UnreadableScan(f"{name}: {share:.0%} of the voxels are NaN or infinite; export the scan again")
    notes = list(scan.notes)
    if bad:
        voxels = np.where(finite, voxels, voxels.dtype.type(0))
        notes.append(Note("values_replaced", f"{bad} NaN or infinite voxel{'s' if bad > 1 else ''} set to 0"))
    filled = np.abs(voxels) >= FILL
    count = int(np.count_nonzero(filled))
    if count:
        shown = float(voxels[filled][0])
        channels = [_without_fill(voxels[..., index], filled[..., index]) for index in range(voxels.shape[3])]
        voxels = np.stack(channels, axis=-1)
        what = f"{count:,} voxel{'s' if count > 1 else ''} of {shown:.3g}, which no scanner measures"
        notes.append(Note("values_replaced", f"{what}, set to the lowest of the others"))
    return replace(scan, voxels=voxels, notes=tuple(notes))


def _without_fill(image: np.ndarray, filled: np.ndarray) -> np.ndarray:
    lowest = image[~filled].min() if not filled.all() else image.dtype.type(0)
    return np.where(filled, lowest, image)


def _constant(image: np.ndarray) -> bool:
    return bool(image.min() == image.max())
