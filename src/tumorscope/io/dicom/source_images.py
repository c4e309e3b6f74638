"""The images that a scan was read from, as references and as positions in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.geometry import LPS_TO_RAS, Geometry
from tumorscope.core.scan import Scan, SourceImage

if TYPE_CHECKING:
    from pydicom import Dataset

MR = "1.2.840.10008.5.1.4.1.1.4"
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID", "Rows", "Columns")


def require_sources(scan: Scan) -> tuple[SourceImage, ...]:
    """The image of every slice.

    Raises:
        TumorscopeError: the scan is not from DICOM, or its images lack what a reference to them needs.
    """
    sources = scan.source_images
    if not sources:
        raise TumorscopeError(
            f"{scan.case}: DICOM output needs DICOM input, of which every image has a SOPInstanceUID of its own"
        )
    if len(sources) != len(scan.voxels):
        raise TumorscopeError(
            f"{scan.case}: {len(sources)} DICOM images for {len(scan.voxels)} slices; read the scan again"
        )
    for keyword in _NEEDED:
        if any(not source.header.get(keyword) for source in sources):
            raise TumorscopeError(
                f"{scan.case}: a DICOM image lacks {keyword}, which what is sent back must name; export the series again"
            )
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if len({str(source.header[keyword].value) for source in sources}) > 1:
            raise TumorscopeError(f"{scan.case}: its DICOM images differ in {keyword}; give one series")
    if any((source.header.Rows, source.header.Columns) != scan.shape[1:] for source in sources):
        raise TumorscopeError(f"{scan.case}: the scan is not on the grid of its DICOM images; read it again")
    return sources


def reference(source: SourceImage) -> tuple[str, str, int | None]:
    """Class, instance, and frame from one where the file has several."""
    header = source.header
    several = int(header.get("NumberOfFrames") or 1) > 1
    return str(header.SOPClassUID), str(header.SOPInstanceUID), source.frame + 1 if several else None


@dataclass(frozen=True, eq=False)
class SourcePlanes:
    """Where the images of a scan are in the patient, LPS.

    Attributes:
        positions_mm: of the first pixel of each slice, ``(slice, 3)``.
        orientation: directions along a row and along a column.
        spacing_mm: between rows, then between columns.
        thickness_mm: of a slice.
        frame_of_reference: UID, made from the series where the images do not state one.
    """

    positions_mm: np.ndarray
    orientation: np.ndarray
    spacing_mm: np.ndarray
    thickness_mm: float
    frame_of_reference: str


def source_planes(scan: Scan) -> SourcePlanes:
    """The planes of the images that a scan was read from.

    Raises:
        TumorscopeError: the images do not state their position, or the scan is elsewhere.
    """
    sources = require_sources(scan)
    places = [_place(source) for source in sources]
    if scan.spacing_mm is None or any(part is None for place in places for part in place):
        raise TumorscopeError(
            f"{scan.case}: the DICOM images do not state their position in the patient, so nothing can be drawn on them"
        )
    positions = np.array([position for position, _, _ in places])
    orientation, spacing = np.array(places[0][1]), np.array(places[0][2])
    _require_same_grid(scan, positions[0], orientation, spacing)
    thickness = _number(_attribute(sources[0], "PixelMeasuresSequence", "SliceThickness"))
    return SourcePlanes(positions, orientation, spacing, thickness or scan.spacing_mm[0], _frame_of_reference(sources))


def plain_images(scan: Scan, shown: slice) -> list[Dataset]:
    """For some slices a single-frame image header with no more than highdicom needs, and no patient.

    The frames of an enhanced file, images whose directions differ in the last digit, headers without
    what the standard requires: these headers are all alike, and share what they have in common. Their instances are
    numbered from 1, by slice, and :func:`name_sources` puts the true ones in place.

    Raises:
        TumorscopeError: the images do not state their position, or the scan is elsewhere.
    """
    from pydicom import Dataset

    planes = source_planes(scan)
    common = _without_patient(scan.source_images[0].header, planes.frame_of_reference)
    common.SOPClassUID = MR
    common.ImageOrientationPatient = _decimals(planes.orientation)
    common.PixelSpacing = _decimals(planes.spacing_mm)
    common.SliceThickness = _decimals([planes.thickness_mm])[0]
    headers = []
    for index in range(len(scan.source_images))[shown]:
        header = Dataset(dict(common.items()))
        header.SOPInstanceUID = str(index + 1)
        header.ImagePositionPatient = _decimals(planes.positions_mm[index])
        headers.append(header)
    return headers


def first_image(scan: Scan) -> Dataset:
    """The header of the first image for highdicom to take the study from, without the patient."""
    sources = require_sources(scan)
    header = _without_patient(sources[0].header, _frame_of_reference(sources))
    header.SOPClassUID, header.SOPInstanceUID, _ = reference(sources[0])
    return header


def image_items(sources: Sequence[SourceImage]) -> list[Dataset]:
    """For every image an item that refers to it (PS3.3 table 10-3)."""
    from pydicom import Dataset

    items = []
    for source in sources:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID, frame = reference(source)
        if frame is not None:
            item.ReferencedFrameNumber = frame
        items.append(item)
    return items


def file_items(images: Sequence[Dataset]) -> list[Dataset]:
    """For every file of images an item that refers to it as a whole (PS3.3 table 10-11), from :func:`image_items`."""
    from pydicom import Dataset

    files = {image.ReferencedSOPInstanceUID: image for image in images}
    items = [Dataset(dict(image.items())) for image in files.values()]
    for item in items:
        item.pop("ReferencedFrameNumber", None)
    return items


def name_sources(dataset: Dataset, scan: Scan) -> None:
    """Replace :func:`plain_images` by the true images in every reference of a segmentation."""
    images = image_items(scan.source_images)
    by_number = {str(number): item for number, item in enumerate(images, 1)}
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        for derivation in frame.get("DerivationImageSequence") or ():
            for item in derivation.SourceImageSequence:
                # Segments share the items of a slice; the second time the true image is there already.
                true = by_number.get(item.ReferencedSOPInstanceUID)
                if true is not None:
                    item.update(true)
    files = file_items(images)
    dataset.SourceImageSequence = files
    dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence = files


def keep_lossy_compression(dataset: Dataset, scan: Scan) -> None:
    """State of a derived image what its sources state: once lossy, always lossy (PS3.3 C.7.6.1.1.5).

    Ratio and method are those of the first source that was compressed so.
    """
    lossy = next(
        (source.header for source in scan.source_images if source.header.get("LossyImageCompression") == "01"), None
    )
    dataset.LossyImageCompression = "00" if lossy is None else "01"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if lossy is not None and lossy.get(keyword):
            setattr(dataset, keyword, lossy.get(keyword))


def _place(source: SourceImage) -> tuple[list[float] | None, list[float] | None, list[float] | None]:
    """Position of the first pixel, the two directions, and the pixels' spacing."""
    return (
        _numbers(_attribute(source, "PlanePositionSequence", "ImagePositionPatient"), 3),
        _numbers(_attribute(source, "PlaneOrientationSequence", "ImageOrientationPatient"), 6),
        _numbers(_attribute(source, "PixelMeasuresSequence", "PixelSpacing"), 2),
    )


def _attribute(source: SourceImage, group: str, keyword: str) -> Any:
    """Where enhanced files keep it: for the frame, then for all frames, then on top."""
    per_frame = source.header.get("PerFrameFunctionalGroupsSequence") or []
    shared = source.header.get("SharedFunctionalGroupsSequence") or []
    for place in (*per_frame[source.frame : source.frame + 1], *shared[:1]):
        items = place.get(group) or []
        if items and items[0].get(keyword) is not None:
            return items[0].get(keyword)
    return source.header.get(keyword)


def _require_same_grid(scan: Scan, position: np.ndarray, orientation: np.ndarray, spacing: np.ndarray) -> None:
    """A mask that was flipped or moved would be drawn on the wrong side of the head."""
    first = Geometry((1, *scan.shape[1:]), np.asarray(scan.affine))
    stated = np.eye(4)
    stated[:3, :2] = np.column_stack([orientation[:3] * spacing[1], orientation[3:] * spacing[0]])
    stated[:3, 3] = position
    stated = LPS_TO_RAS @ stated
    stated[:3, 2] = first.affine[:3, 2]  # an image by itself does not tell where the next one is
    if not first.same_grid(Geometry(first.shape, stated)):
        raise TumorscopeError(f"{scan.case}: the scan is not on the grid of its DICOM images; read it again")


def _frame_of_reference(sources: Sequence[SourceImage]) -> str:
    """The frame of reference of a series, also of its images that do not state one."""
    from tumorscope.io.dicom.object_identity import unique_identifier

    stated = (str(source.header.get("FrameOfReferenceUID") or "").strip() for source in sources)
    # A series without one has its own, known by nothing but the series.
    return next(filter(None, stated), "") or unique_identifier("frame", str(sources[0].header.SeriesInstanceUID))


def _without_patient(source: Dataset, frame: str) -> Dataset:
    from pydicom import Dataset

    header = Dataset()
    header.StudyInstanceUID, header.SeriesInstanceUID = str(source.StudyInstanceUID), str(source.SeriesInstanceUID)
    header.Modality, header.Rows, header.Columns = "MR", int(source.Rows), int(source.Columns)
    header.FrameOfReferenceUID = frame
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"):
        setattr(header, keyword, None)
    for keyword in ("StudyID", "StudyDate", "StudyTime"):
        setattr(header, keyword, None)
    for keyword in ("Manufacturer", "ManufacturerModelName"):
        if source.get(keyword):
            setattr(header, keyword, source.get(keyword))
    return header


def _decimals(values: Any) -> list[str]:
    """As DICOM's decimal strings, which have 16 characters at most."""
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(value) + 0.0) for value in values]


def _numbers(value: Any, count: int) -> list[float] | None:
    try:
        numbers = [float(item) for item in value]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and bool(np.isfinite(numbers).all()) else None


def _number(value: Any) -> float | None:
    numbers = _numbers([value], 1)
    return numbers[0] if numbers else None
