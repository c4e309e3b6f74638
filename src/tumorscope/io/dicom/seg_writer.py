"""DICOM SEG: the masks on the images they were drawn on, one segment per lesion or per label."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.notice import NOTICE
from tumorscope.inference.analysis import Analysis
from tumorscope.inference.labels import COLORS, TUMOR, Color
from tumorscope.io.dicom.codes import label_code, type_code
from tumorscope.io.dicom.object_identity import (
    MANUFACTURER,
    algorithm,
    encode_object,
    equipment,
    label_uid,
    object_uid,
    series_uid,
    tracking_uid,
    unique_identifier,
)
from tumorscope.io.dicom.source_images import keep_lossy_compression, name_sources, plain_images
from tumorscope.io.library_warnings import quiet_libraries

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

SERIES_NUMBERS = {"segmentation": 9801, "probability": 9802}
"""High, so that viewers list them after what the scanner made."""

MOST_FRAMES = 1024
"""Of a stack that lacks slices: up to here every segment has a frame for every slice, empty or not, since nothing else
tells a reader where there is no slice."""

MOST_VALUE = 255
LESION_COLORS = (COLORS[TUMOR], (255, 176, 0), (60, 160, 255), (240, 90, 190), (150, 230, 230), (200, 150, 255))
"""Of the lesions in turn; the first is the panel's."""


@quiet_libraries()
def encode_segmentation(
    analysis: Analysis, fractional: bool = False, made_at: datetime | None = None, every_frame: bool = False
) -> bytes:
    """A DICOM Segmentation, as a file's content.

    Each slice's frames have exactly the position of its source image, which they name. Binary segments are the
    lesions in the order of ``analysis.lesions``, or the labels in the order of ``analysis.labels`` where there are
    several, empty ones left out: these overlap, as a part lies inside the whole. The fractional one is the mask
    output's probability.

    Frames in which a segment marks nothing are left out, as the standard allows and dcmqi and highdicom do. The frames
    of a single segment are those from its first to its last slice, as programs built on ITK take them for a volume.

    Args:
        analysis: of a scan that was read from DICOM.
        fractional: the probability of every voxel instead of contours.
        made_at: the time written into the object; now, unless given.
        every_frame: a frame for every slice in every segment, empty or not.

    Raises:
        TumorscopeError: the scan is not from DICOM or its images do not state their position; nothing
            is segmented; no probability was kept.
    """
    import highdicom as hd

    probability = analysis.probability if fractional else None
    if fractional and probability is None:
        raise TumorscopeError(
            f"{analysis.scan.case}: the probability of every voxel was not kept, or bundle {analysis.bundle.name} "
            "draws no mask; a fractional segmentation needs it"
        )
    if not fractional and not analysis.mask.any():
        raise TumorscopeError(f"{analysis.scan.case}: nothing is segmented, so there is no segmentation to write")
    pixels, segments, what = _probability(analysis) if fractional else _binary(analysis)
    kind = "probability" if fractional else "segmentation"
    stored = segmented_content(analysis) if probability is None else probability.tobytes()
    complete = every_frame or _lacks_slices(analysis, len(segments))
    which = b"" if complete else b"marked frames"
    uid = object_uid(analysis, kind, stored + which)
    shown = slice(None) if complete else _marked_range(pixels)
    dataset = hd.seg.Segmentation(
        source_images=plain_images(analysis.scan, shown),
        pixel_array=pixels[shown],
        segmentation_type="FRACTIONAL" if fractional else "BINARY",
        fractional_type="PROBABILITY",
        max_fractional_value=MOST_VALUE,
        segment_descriptions=segments,
        series_instance_uid=series_uid(analysis, kind),
        series_number=SERIES_NUMBERS[kind],
        sop_instance_uid=uid,
        instance_number=1,
        omit_empty_frames=len(segments) > 1 and not complete,
        content_label="TUMOR_PROB" if fractional else "TUMOR",
        content_description=f"{what}. Research use only",
        content_creator_name=f"{MANUFACTURER}^{'+'.join(label.bundle.name for label in analysis.by_bundle)}"[:64],
        content_qualification="RESEARCH",
        series_description=f"Tumorscope {what.lower()} (research)",
        **equipment(analysis),
    )
    name_sources(dataset, analysis.scan)
    keep_lossy_compression(dataset, analysis.scan)
    dataset.ImageComments = NOTICE
    dataset.BodyPartExamined = "BRAIN"
    _name_dimensions(dataset, unique_identifier("dimensions", uid))
    return encode_object(dataset, analysis.scan.source_images[0].header, made_at or datetime.now())


def _lacks_slices(analysis: Analysis, segments: int) -> bool:
    scan = analysis.scan
    return scan.slice_positions is not None and segments * len(scan.voxels) <= MOST_FRAMES


def _marked_range(pixels: np.ndarray) -> slice:
    """From the first to the last slice in which anything is marked."""
    marked = np.flatnonzero(pixels.reshape(len(pixels), -1).any(axis=1))
    return slice(int(marked[0]), int(marked[-1]) + 1) if len(marked) else slice(None)


def segmented_labels(analysis: Analysis) -> tuple[Analysis, ...]:
    """The labels of an analysis that are segments of their own: those that are not empty, where there are several."""
    return tuple(label for label in analysis.labels if label.mask.any()) if analysis.parts else ()


def segmented_content(analysis: Analysis) -> bytes:
    """What tells a segmentation from any other of the same images."""
    return repr([(label.label, label.mask_sha256) for label in segmented_labels(analysis) or (analysis,)]).encode()


def _binary(analysis: Analysis) -> tuple[np.ndarray, list[SegmentDescription], str]:
    labels = segmented_labels(analysis)
    if not labels:
        return _lesions(analysis)
    segments = [
        _segment(label, number, label.label.capitalize(), label_uid(label), analysis.colors[label.label])
        for number, label in enumerate(labels, 1)
    ]
    return np.stack([label.mask for label in labels], axis=-1), segments, "Tumor segmentation"


def _lesions(analysis: Analysis) -> tuple[np.ndarray, list[SegmentDescription], str]:
    labels = analysis.lesion_labels
    segments = [
        _segment(
            analysis,
            number,
            f"Lesion {number}",
            tracking_uid(analysis, number),
            LESION_COLORS[(number - 1) % len(LESION_COLORS)],
        )
        for number in range(1, int(labels.max()) + 1)
    ]
    return labels, segments, "Tumor segmentation"


def _probability(analysis: Analysis) -> tuple[np.ndarray, list[SegmentDescription], str]:
    assert analysis.probability is not None  # the caller has looked
    # What the network predicts does not change with a correction.
    uncorrected = replace(analysis, corrected=False)
    segment = _segment(uncorrected, 1, "Tumor probability", tracking_uid(analysis, 0), LESION_COLORS[0])
    # highdicom rounds back to the same 256 values.
    return analysis.probability.astype(np.float32) / MOST_VALUE, [segment], "Tumor probability"


def _segment(analysis: Analysis, number: int, label: str, tracking: str, color: Color) -> SegmentDescription:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    property_type = label_code(analysis.label)
    made_by = algorithm(analysis)
    identification = hd.AlgorithmIdentificationSequence(
        name=made_by["name"],
        family=codes.cid7162.ArtificialIntelligence,
        version=made_by["version"],
        source=MANUFACTURER,
    )
    identification[0].AlgorithmParameters = made_by["parameters"]
    segment = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=property_type,
        algorithm_type="SEMIAUTOMATIC" if analysis.corrected else "AUTOMATIC",
        algorithm_identification=identification,
        tracking_uid=tracking,
        tracking_id=label,
        anatomic_regions=[codes.SCT.Brain],
        display_color=hd.color.CIELabColor.from_rgb(*color),
    )
    segment.SegmentDescription = NOTICE
    # The type is an opinion about a neoplasm, and modifies it: its probability is in the report.
    whole = property_type == codes.SCT.Neoplasm
    if whole and analysis.tumor_type is not None and analysis.tumor_type.name is not None:
        neoplasm, named = segment.SegmentedPropertyTypeCodeSequence[0], type_code(analysis.tumor_type.name)
        neoplasm.SegmentedPropertyTypeModifierCodeSequence = [hd.sr.CodedConcept.from_code(named)]
    return segment


def _name_dimensions(dataset: Any, uid: str) -> None:
    """Replace the random identifiers of highdicom: the same segmentation becomes the same bytes."""
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = uid
    for item in dataset.DimensionIndexSequence:
        item.DimensionOrganizationUID = uid
