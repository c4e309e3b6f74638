"""The report: one page that stands alone, to read on screen or on paper."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.analysis import Analysis
from tumorscope.errors import TumorscopeError
from tumorscope.files import save_whole
from tumorscope.measuring.lesions import Lesion
from tumorscope.reporting.agreement import Agreement
from tumorscope.reporting.chart import slice_chart
from tumorscope.reporting.figures import figure_groups
from tumorscope.reporting.wording import (
    TYPE_NAMES,
    activation_sentence,
    area_text,
    clean,
    features_sentence,
    finding_sentence,
    positive_slices,
    probability_text,
    size_text,
    type_sentence,
    type_words,
    volume_text,
)
from tumorscope.tumor_type import TypeFinding

if TYPE_CHECKING:
    from jinja2 import Template

REPORT_FILE = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"
_SEQUENCES = {"t1": "T1", "t1c": "T1 with contrast", "t2": "T2", "flair": "FLAIR"}


def write_html(analysis: Analysis, panel_png: bytes | Path, folder: Path, agreement: Agreement | None = None) -> Path:
    """Write ``report.html``: no script, nothing loaded from elsewhere.

    Args:
        analysis: what was found.
        panel_png: the panel, as the content of a PNG file or its path.
        folder: made if it is not there.
        agreement: with a true mask, where there is one.

    Raises:
        TumorscopeError: the panel cannot be read, or the report cannot be written.
    """
    if isinstance(panel_png, Path):
        try:
            panel_png = panel_png.read_bytes()
        except OSError as error:
            raise TumorscopeError(f"{panel_png}: cannot be read ({error.strerror})") from error
    return save_whole(folder / REPORT_FILE, encode_html(analysis, panel_png, agreement))


def encode_html(analysis: Analysis, panel_png: bytes, agreement: Agreement | None = None) -> bytes:
    """The report as the content of its file."""
    values = _values(analysis, agreement)
    panel = f"data:image/png;base64,{base64.b64encode(panel_png).decode()}"
    return _template().render(values, panel=panel).encode("utf-8", "replace")


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"probability": probability_text, "clean": clean}
    return environment.get_template("report.html.j2")


def _values(analysis: Analysis, agreement: Agreement | None) -> dict[str, Any]:
    scan, card = analysis.scan, analysis.bundle.card
    return {
        "case": scan.case,
        "notice": analysis.notice,
        "sentence": finding_sentence(analysis),
        "type_sentence": None if analysis.tumor_type is None else type_sentence(analysis.tumor_type),
        "features_sentence": features_sentence(analysis),
        "types": [] if analysis.tumor_type is None else _type_rows(analysis.tumor_type),
        "activation": None if analysis.activation is None else activation_sentence(analysis),
        "present": analysis.tumor_present,
        "facts": _facts(analysis, agreement),
        "warnings": analysis.warnings,
        "panel_text": _panel_text(analysis, agreement),
        "true_mask": agreement is not None,
        "predicted_mask": "mask" in card.outputs,
        "chart": slice_chart(analysis) if len(analysis.slices) > 1 and analysis.judged else None,
        "lesions": [_lesion(number, lesion, analysis) for number, lesion in enumerate(analysis.lesions, start=1)],
        "sized": scan.affine is not None,
        "slices": [
            {
                "index": finding.index,
                "name": finding.name,
                "probability": probability_text(finding.tumor_probability, 3),
                "mask_probability": probability_text(finding.mask_probability, 3),
                "area": area_text(finding.area_px, finding.area_mm2),
                "positive": finding.tumor_probability >= card.operating_point.presence,
            }
            for finding in analysis.slices
        ],
        "named": any(finding.name for finding in analysis.slices),
        "method": _method(analysis),
        "sha256": analysis.bundle.sha256,
        "figures": figure_groups(card.figures),
        "limits": card.limits,
        "timing": [(stage, f"{spent:,.0f} ms") for stage, spent in analysis.timing_ms.items()],
        "total": f"{sum(analysis.timing_ms.values()) / 1000:,.2f} s",
    }


def _facts(analysis: Analysis, agreement: Agreement | None) -> list[tuple[str, str]]:
    facts = [("Tumour probability", probability_text(analysis.tumor_probability))]
    if len(analysis.slices) > 1:
        point = f"{analysis.bundle.card.operating_point.presence:.2f}"
        facts.append((f"Slices at {point} or above", f"{positive_slices(analysis)} of {len(analysis.slices)}"))
    if analysis.tumor_type is not None:
        facts.append(("Type", type_words(analysis.tumor_type)))
    if analysis.lesions:
        facts.append(("Size of the mask", size_text(analysis)))
        facts.append(("Lesions", str(len(analysis.lesions))))
        if len(analysis.slices) > 1:
            largest = max(analysis.slices, key=lambda finding: finding.area_px)
            area = area_text(largest.area_px, largest.area_mm2)
            facts.append(("Largest area", f"{area} in slice {largest.index}"))
    if agreement is not None:
        dice = "both masks are empty" if agreement.dice is None else f"{agreement.dice:.3f}"
        facts.append(("Dice with the true mask", dice))
    return facts


def _type_rows(finding: TypeFinding) -> list[tuple[str, str, float]]:
    """Each type's name, probability in words, and probability in percent, the likeliest first."""
    ordered = sorted(finding.probabilities.items(), key=lambda item: -item[1])
    return [(TYPE_NAMES.get(name, name), probability_text(value), round(100 * value, 1)) for name, value in ordered]


def _lesion(number: int, lesion: Lesion, analysis: Analysis) -> dict[str, str]:
    spacing = analysis.scan.spacing_mm
    lengths = [last - first + 1 for first, last in zip(lesion.first, lesion.last, strict=True)]
    extent = " × ".join(str(length) for length in lengths)
    if spacing is not None:
        extent = " × ".join(f"{length * size:.0f}" for length, size in zip(lengths, spacing, strict=True))
    centre = lesion.centre if lesion.centre_mm is None else lesion.centre_mm
    single = len(analysis.slices) == 1
    area = analysis.scan.pixel_area_mm2
    return {
        "number": str(number),
        "size": area_text(lesion.voxels, None if area is None else lesion.voxels * area)
        if single
        else volume_text(lesion.voxels, lesion.volume_mm3),
        "slices": str(lesion.first[0]) if lengths[0] == 1 else f"{lesion.first[0]} to {lesion.last[0]}",
        "largest_slice": str(lesion.largest_slice),
        "extent": extent,
        "centre": ", ".join(f"{value:.1f}" for value in centre),
        "probability": probability_text(lesion.tumor_probability),
    }


def _panel_text(analysis: Analysis, agreement: Agreement | None) -> str:
    """What the panel shows, for those who cannot see it."""
    shown = ["the MRI"]
    shown += ["the true mask"] * (agreement is not None)
    shown += ["the predicted mask"] * ("mask" in analysis.bundle.card.outputs)
    shown += ["the MRI with each mask drawn on it"] * (len(shown) > 1)
    shown += ["the activation map on the MRI"] * (analysis.activation is not None)
    listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"The most telling slices of the scan, one a row: {listed}. {finding_sentence(analysis)}"


def _method(analysis: Analysis) -> list[tuple[str, str]]:
    scan, card, reason = analysis.scan, analysis.bundle.card, analysis.bundle_reason
    point = card.operating_point
    shape, spacing = scan.shape, scan.spacing_mm
    grid = f"{shape[0]} slice{'s' * (shape[0] > 1)} of {shape[1]} × {shape[2]} pixels"
    size = (
        "voxel size not known; sizes are in pixels and voxels"
        if spacing is None
        else f"voxels of {spacing[1]:.3g} × {spacing[2]:.3g} mm, slices {spacing[0]:.3g} mm apart"
    )
    thresholds = [f"presence from {point.presence:.2f}"]
    if "mask" in card.outputs:
        thresholds.append(f"mask from {point.mask:.2f}")
    if "type" in card.outputs and point.type_confidence > 0:
        thresholds.append(f"type named from {point.type_confidence:.2f}")
    if point.smallest_lesion_px > 1:
        thresholds.append(f"lesions from {point.smallest_lesion_px} pixels at the network's size")
    return [
        ("Scan", f"{grid}; {size}"),
        ("Sequences", ", ".join(_SEQUENCES.get(sequence, sequence) for sequence in scan.sequences)),
        ("Bundle", f"{card.title} ({card.name} {card.version})" + (f"; {reason}" if reason else "")),
        ("Engine", f"{analysis.runtime}, {analysis.precision}"),
        ("Operating point", "; ".join(thresholds)),
    ]
