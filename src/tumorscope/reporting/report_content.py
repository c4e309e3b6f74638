"""The content of the report, independent of its layout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tumorscope.core.note import INFORMATIVE, Note
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import ENHANCING_TUMOR, TUMOR
from tumorscope.inference.tumor_type import TypeFinding
from tumorscope.reporting.agreement import Agreement, compare, on_grid
from tumorscope.reporting.card_metrics import main_metrics
from tumorscope.reporting.cautions import cautions
from tumorscope.reporting.figures import Figure
from tumorscope.reporting.key_images import activation_figure, choose_images, further_figure, key_figure
from tumorscope.reporting.provenance import Pairs, about_the_scan, made_by
from tumorscope.reporting.report_tables import Table, all_slices, locations, measurements, positive_slices_table
from tumorscope.reporting.slice_chart import chart_figure
from tumorscope.reporting.slice_names import slice_text
from tumorscope.reporting.wording import (
    activation_sentence,
    area_text,
    clean,
    diameters_text,
    finding_sentence,
    positive_slices,
    probability_text,
    radiomics_sentence,
    region_text,
    sequence_text,
    side_text,
    size_text,
    type_name,
    type_sentence,
    type_words,
)


@dataclass(frozen=True)
class TypeRow:
    """One type: its name, its probability in words, and the same in percent."""

    name: str
    words: str
    percent: float


@dataclass(frozen=True, eq=False)
class PartSection:
    """A label inside the whole tumor: its key images on its own sequence, and its lesions."""

    heading: str
    slices: Figure
    further: Figure | None
    measurements: Table | None


@dataclass(frozen=True, eq=False)
class Report:
    """The parts of a report, in its order. Parts that are None or empty are left out.

    Attributes:
        case, notice: on every page.
        about: whose scan it is, and which program made the report when.
        present: whether a tumor was found.
        finding: in one sentence.
        type_sentences: the type, and whether the radiomics classifier agrees.
        facts: the main values, each with its name.
        how_sure: what the probability means; empty where there is none.
        cautions: what not to conclude.
        warnings: after which findings may be wrong, disagreements of two bundles first.
        notes: what was done on reading and analyzing.
        slices: the figure of the key slice.
        further: the figure of further slices.
        measurements: one row per lesion.
        locations: where in the brain lesions are; None where not assessed.
        parts: further labels, such as the enhancing tumor.
        chart: every slice's probability and area.
        positive_slices: those at the operating point or above.
        every_slice: all of them; left out on paper, where it would fill pages.
        types: the likeliest first.
        activation: activation maps.
        method: how the scan was analyzed.
        bundle: the bundle that analyzed it.
        performance: the bundle's main metrics.
        card: where all of them are.
        limits: of the bundle.
    """

    case: str
    notice: str
    about: Pairs
    present: bool
    finding: str
    type_sentences: tuple[str, ...]
    facts: Pairs
    how_sure: str
    cautions: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    slices: Figure
    further: Figure | None
    measurements: Table | None
    locations: Table | None
    parts: tuple[PartSection, ...]
    chart: Figure | None
    positive_slices: Table | None
    every_slice: Table | None
    types: tuple[TypeRow, ...]
    activation: Figure | None
    method: Pairs
    bundle: Pairs
    performance: Pairs
    card: str
    limits: tuple[str, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures."""
        return tuple(
            each
            for each in (
                self.slices,
                self.further,
                *(figure for part in self.parts for figure in (part.slices, part.further)),
                self.chart,
                self.activation,
            )
            if each is not None
        )


def build_report(analysis: Analysis, truth: np.ndarray | None = None) -> Report:
    """Put the findings into sentences, tables and figures.

    Args:
        analysis: the findings.
        truth: a true mask, boolean ``(slice, row, column)`` on the scan's grid, or None.

    Raises:
        TumorscopeError: the true mask has another shape than the scan.
    """
    segments = "mask" in analysis.bundle.card.outputs
    truth = on_grid(truth, analysis.scan) if truth is not None else None
    images = choose_images(analysis, truth)
    charted = analysis.assessed and len(analysis.slices) > 1
    type_ = analysis.tumor_type
    by_radiomics = radiomics_sentence(analysis)
    return Report(
        case=clean(analysis.scan.case).strip() or "Unnamed case",
        notice=analysis.notice,
        about=(*about_the_scan(analysis.scan), ("Made by", made_by(analysis))),
        present=bool(analysis.tumor_present),
        finding=finding_sentence(analysis),
        type_sentences=() if type_ is None else (type_sentence(type_), *([by_radiomics] if by_radiomics else [])),
        facts=_facts(analysis, compare(analysis.mask, truth) if truth is not None and segments else None),
        how_sure=_how_sure(analysis),
        cautions=cautions(analysis),
        warnings=_texts(note for note in analysis.warnings if note.code not in INFORMATIVE),
        notes=_texts(note for note in analysis.warnings if note.code in INFORMATIVE),
        slices=key_figure(images),
        further=further_figure(images),
        measurements=measurements(analysis) if analysis.lesions else None,
        locations=locations(analysis),
        parts=tuple(_part(part, number) for number, part in enumerate(analysis.parts, start=1)),
        chart=chart_figure(analysis) if charted else None,
        positive_slices=positive_slices_table(analysis) if charted and positive_slices(analysis) else None,
        every_slice=all_slices(analysis) if charted else None,
        types=() if type_ is None else _types(type_),
        activation=None if analysis.activation is None else activation_figure(images, activation_sentence(analysis)),
        method=_method(analysis),
        bundle=_bundle(analysis),
        performance=_performance(analysis),
        card=_card(analysis),
        limits=tuple(
            dict.fromkeys(_sentence(limit) for label in analysis.by_bundle for limit in label.bundle.card.limits)
        ),
    )


def _texts(notes: Iterable[Note]) -> tuple[str, ...]:
    return tuple(_sentence(clean(note.text, 400)) for note in notes)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _how_sure(analysis: Analysis) -> str:
    """What the probability means, where one is given."""
    if not analysis.assessed:
        return ""
    point = f"{analysis.bundle.card.operating_point.presence:.2f}"
    of = "the slice that shows it best" if len(analysis.slices) > 1 else "the image"
    return (
        f"Tumor probability: how likely a tumor is on {of}, by the network, from 0 to 1. From {point} on (the operating "
        f"point, chosen on patients whose tumors are known) a slice counts as one with a tumor."
    )


def _part(part: Analysis, number: int) -> PartSection:
    images = choose_images(part)
    return PartSection(
        heading=f"{part.label.capitalize()}, on {sequence_text(part.scan.sequences[images.channel])}",
        slices=key_figure(images, f"part-{number}"),
        further=further_figure(images, f"further-{number}"),
        measurements=measurements(part) if part.lesions else None,
    )


def _facts(analysis: Analysis, agreement: Agreement | None) -> Pairs:
    if not analysis.assessed:
        return ()
    several = len(analysis.slices) > 1
    facts = [("Tumor probability", probability_text(analysis.tumor_probability))]
    if several:
        point = f"{analysis.bundle.card.operating_point.presence:.2f}"
        facts.append(
            (f"Slices with a tumor ({point} or above)", f"{positive_slices(analysis)} of {len(analysis.slices)}")
        )
    if analysis.tumor_type is not None:
        facts.append(("Type", type_words(analysis.tumor_type)))
    for label in analysis.labels:
        facts += _sizes(label, label is analysis)
    return (*facts, *_dice(agreement))


def _sizes(analysis: Analysis, whole: bool) -> list[tuple[str, str]]:
    """Size, number of lesions and diameters of a label; the side of the whole only."""
    several, facts = len(analysis.slices) > 1, []
    named = "" if whole else f"{'enhancing' if analysis.label == ENHANCING_TUMOR else analysis.label} "
    if analysis.lesions:
        largest = analysis.lesions[0]
        of = "" if len(analysis.lesions) == 1 else " of the largest lesion"
        size = "Total volume" if several and analysis.volume_mm3 is not None else "Size"
        facts.append((_capital(f"{named}{size}"), size_text(analysis)))
        facts.append((_capital(f"{named}Lesions"), str(len(analysis.lesions))))
        if largest.diameters is not None:
            known = analysis.scan.affine is not None
            facts.append((_capital(f"{named}Diameters{of}"), diameters_text(largest.diameters, known)))
        if largest.laterality is not None and not named:
            facts.append((f"Side{of}", side_text(largest)))
        if largest.location is not None and not named:
            facts.append((f"Region{of}", region_text(largest)))
        if several and not named:
            widest = max(analysis.slices, key=lambda finding: finding.area_px)
            where = slice_text(analysis.scan, widest.index)
            facts.append(("Largest area", f"{area_text(widest.area_px, widest.area_mm2)} in {where}"))
    return facts


def _capital(name: str) -> str:
    """A capital at the beginning, and nowhere else."""
    return name[0].upper() + name[1:].lower()


def _dice(agreement: Agreement | None) -> Pairs:
    """The agreement with a true mask, where one is given."""
    if agreement is None:
        return ()
    dice = "both masks are empty" if agreement.dice is None else f"{agreement.dice:.3f}"
    return (("Dice with the true mask (1: the same)", dice),)


def _types(finding: TypeFinding) -> tuple[TypeRow, ...]:
    ordered = sorted(finding.probabilities.items(), key=lambda item: -item[1])
    return tuple(TypeRow(type_name(name), probability_text(value), round(100 * value, 1)) for name, value in ordered)


def _method(analysis: Analysis) -> Pairs:
    scan = analysis.scan
    shape, spacing = scan.shape, scan.spacing_mm
    grid = f"{shape[0]} slice{'s' * (shape[0] > 1)} of {shape[1]} × {shape[2]} pixels"
    size = (
        "voxel size not known; sizes are in pixels and voxels"
        if spacing is None
        else f"voxels of {spacing[1]:.3g} × {spacing[2]:.3g} mm, slices {spacing[0]:.3g} mm apart{' or more' * (scan.slice_positions is not None)}"
    )
    averaged = ", averaged over left-right flips" if analysis.flips else ""
    stages = ", ".join(f"{stage.replace('_', ' ')} {spent:,.0f} ms" for stage, spent in analysis.timing_ms.items())
    total = f"{sum(analysis.timing_ms.values()) / 1000:,.2f} s"
    return (
        ("Scan", f"{grid}; {size}"),
        ("Sequences", ", ".join(sequence_text(sequence) for sequence in scan.sequences)),
        *((f"Operating point{_by(label)}", _operating_point(label)) for label in analysis.by_bundle),
        *((f"Run with{_by(label)}", f"{label.runtime}, {label.precision}{averaged}") for label in analysis.by_bundle),
        ("Time", f"{total} ({stages})" if stages else total),
    )


def _by(label: Analysis) -> str:
    """Which of several labels a line is about."""
    return "" if label.label == TUMOR else f", {label.label}"


def _operating_point(analysis: Analysis) -> str:
    card, point = analysis.bundle.card, analysis.bundle.card.operating_point
    thresholds = [f"a slice shows a tumor from {point.presence:.2f} on"]
    if "mask" in card.outputs:
        thresholds.append(f"a pixel belongs to it from {point.mask:.2f} on")
    if "type" in card.outputs and point.type_confidence > 0:
        thresholds.append(f"a type is named from {point.type_confidence:.2f} on")
    if point.min_component_size_px > 1:
        thresholds.append(f"a lesion has at least {point.min_component_size_px} pixels of the network's input")
    return "; ".join(thresholds)


def _bundle(analysis: Analysis) -> Pairs:
    pairs: list[tuple[str, str]] = []
    for label in analysis.by_bundle:
        card, reason = label.bundle.card, label.bundle_reason
        pairs.append((f"Bundle{_by(label)}", f"{card.title} ({card.name} {card.version})"))
        pairs += [("Choice", _sentence(reason))] if reason else []
        pairs.append(("Checksum (SHA-256)", label.bundle.sha256))
    return tuple(pairs)


def _performance(analysis: Analysis) -> Pairs:
    return tuple(
        (f"{row.name} ({label.bundle.name})" if len(analysis.by_bundle) > 1 else row.name, row.value)
        for label in analysis.by_bundle
        for row in main_metrics(label.bundle.card.metrics, label.precision)
        if "mask" in label.bundle.card.outputs or row.name != "Segmentation"
    )


def _card(analysis: Analysis) -> str:
    """Where the metrics come from, and where the others are."""
    shown = " and ".join(f"“tumorscope bundles {label.bundle.name}”" for label in analysis.by_bundle)
    return (
        "Measured on other patients, not on this scan. Dice is the overlap with a mask drawn by an expert, from 0 to 1. All "
        f"metrics and their definitions are in the model card, which {shown} prints."
    )
