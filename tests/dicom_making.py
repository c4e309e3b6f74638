"""DICOM studies of the phantom: several sequences, any orientation, single-frame or enhanced.

Every header is one that a scanner could have written: patient, study, series, equipment, frame
of reference and MR image modules. UIDs depend on the arguments only, so that a study written
twice is the same study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from tumorscope.datasets.phantom import Phantom, make_phantom, plausible_lesion

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"

PATIENT_NAME, PATIENT_ID = "Doe^Jane", "PAT-0001"
"""What must appear nowhere but in DICOM objects of the same study."""

Order = Literal["ascending", "descending", "shuffled"]

_PHANTOM_SHAPE = (33, 96, 96)
_SEQUENCES = ("t1", "flair", "t1c", "t2")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_DESCRIPTIONS = {"flair": "AX T2 FLAIR", "t1": "AX T1", "t1c": "AX T1 +C", "t2": "AX T2 TSE"}
_ACQUISITION: dict[str, dict[str, Any]] = {
    "flair": {"ScanningSequence": ["SE", "IR"], "RepetitionTime": 9000, "EchoTime": 120, "InversionTime": 2500},
    "t1": {"ScanningSequence": "SE", "RepetitionTime": 550, "EchoTime": 12},
    "t1c": {"ScanningSequence": "SE", "RepetitionTime": 550, "EchoTime": 12, "ContrastBolusAgent": "Gadobutrol"},
    "t2": {"ScanningSequence": "SE", "RepetitionTime": 4500, "EchoTime": 100},
}


def oblique(x: float, y: float, z: float) -> tuple[float, ...]:
    """An axial plane turned about the three axes by so many degrees, as ImageOrientationPatient."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", (x, y, z), degrees=True).as_matrix()
    return (*turn[:, 0].tolist(), *turn[:, 1].tolist())


@dataclass(frozen=True)
class Grid:
    """Where a series lies in the patient.

    Slice k lies k spacings along the normal, the cross product of the two directions.

    Attributes:
        shape: slices, rows, columns.
        spacing_mm: between slices, rows, columns.
        orientation: directions along a row and along a column, LPS, as ImageOrientationPatient.
        shift_mm: of the grid's middle from the phantom's, LPS.
    """

    shape: tuple[int, int, int] = _PHANTOM_SHAPE
    spacing_mm: tuple[float, float, float] = (4.0, 2.4, 2.4)
    orientation: tuple[float, ...] = AXIAL
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def directions(self) -> np.ndarray:
        """Columns: along a row, along a column, the normal; LPS."""
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        return np.stack([row, column, np.cross(row, column)], axis=1)

    @property
    def steps(self) -> np.ndarray:
        """From one column, row, slice to the next, as columns, LPS mm."""
        return self.directions * np.array(self.spacing_mm[::-1])

    def position(self, slice_index: float = 0) -> np.ndarray:
        """Center of the first pixel of a slice, LPS mm: ImagePositionPatient."""
        middle = (np.array(self.shape[::-1]) - 1) / 2
        return np.array(self.shift_mm) - self.steps @ middle + self.steps[:, 2] * slice_index

    @property
    def affine(self) -> np.ndarray:
        """``(column, row, slice, 1)`` to RAS+ mm, slices counted along the normal."""
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = self.steps, self.position()
        return _LPS_TO_RAS @ affine


@cache
def phantom(seed: int = 1) -> Phantom:
    """The head that is scanned: 33 slices of 96×96, 4 × 2.4 × 2.4 mm, with one lesion."""
    return make_phantom([plausible_lesion(seed)], seed=seed, shape=_PHANTOM_SHAPE, sequences=_SEQUENCES)


def voxels_on(grid: Grid, sequence: str, seed: int = 1) -> np.ndarray:
    """The phantom seen on a grid, uint16 ``(slice, row, column)``, linear between voxels."""
    head = phantom(seed).scan
    return np.rint(_resampled(head.channel(sequence).astype(np.float32), head.affine, grid, 1)).astype(np.uint16)


def mask_on(grid: Grid, seed: int = 1) -> np.ndarray:
    """The phantom's lesion on a grid, boolean ``(slice, row, column)``, nearest voxel."""
    head = phantom(seed)
    return _resampled(head.mask.astype(np.uint8), head.scan.affine, grid, 0).astype(bool)


def write_series(
    folder: Path,
    sequence: str = "flair",
    grid: Grid | None = None,
    *,
    study: str = "study",
    number: int = 1,
    seed: int = 1,
    order: Order = "descending",
    enhanced: bool = False,
    voxels: np.ndarray | None = None,
    **attributes: Any,
) -> list[Path]:
    """A series of the phantom: one file a slice, or one enhanced file.

    Args:
        folder: made if it is not there.
        sequence: from ``t1``, ``flair``, ``t1c``, ``t2``.
        grid: by default the phantom's own, axial.
        study: series of one word belong to one study, one patient and one frame of reference.
        number: SeriesNumber; sets the SeriesInstanceUID and the files' names.
        seed: of the phantom.
        order: in which instance numbers, or frames, run along the normal.
        enhanced: one multi-frame file instead of one file a slice.
        voxels: shown instead of the phantom, ``(slice, row, column)`` on ``grid``.
        attributes: DICOM keywords put last into every header; None leaves one out.

    Returns:
        The files, for single frames in the order of the slices along the normal.
    """
    grid = grid or Grid()
    folder.mkdir(parents=True, exist_ok=True)
    pixels = voxels_on(grid, sequence, seed) if voxels is None else voxels
    ranks = _ranks(len(pixels), order)
    own = {**_common(sequence, study, number), **_ACQUISITION[sequence], **_pixel_module(pixels)}
    if enhanced:
        return [_write_enhanced(folder / f"s{number:02d}.dcm", own, pixels, grid, ranks, attributes)]
    files = []
    for index, image in enumerate(pixels):
        instance = ranks[index] + 1
        single = {
            "SOPClassUID": MR,
            "SOPInstanceUID": uid(study, number, instance),
            "InstanceNumber": instance,
            "ImagePositionPatient": _decimals(grid.position(index)),
            "ImageOrientationPatient": _decimals(grid.orientation),
            "PixelSpacing": _decimals(grid.spacing_mm[1:]),
            "SliceThickness": grid.spacing_mm[0],
            "SpacingBetweenSlices": grid.spacing_mm[0],
            "PixelData": np.ascontiguousarray(image).tobytes(),
        }
        files.append(write_file(folder / f"s{number:02d}i{instance:04d}.dcm", {**own, **single, **attributes}))
    return files


def write_study(
    folder: Path,
    sequences: Sequence[str] = ("flair", "t1", "t1c"),
    grids: Mapping[str, Grid] | Grid | None = None,
    *,
    apart: bool = False,
    **options: Any,
) -> Path:
    """A study of several sequences, numbered in their order.

    Args:
        folder: where the files lie, all in one folder or one folder a series.
        sequences: each is a series.
        grids: one for all, or one for each sequence; by default the phantom's own.
        apart: a folder a series, named by its number.
        options: as for :func:`write_series`.
    """
    for number, sequence in enumerate(sequences, 1):
        grid = grids.get(sequence) if isinstance(grids, Mapping) else grids
        where = folder / f"series{number}" if apart else folder
        write_series(where, sequence, grid, number=number, **options)
    return folder


def uid(*parts: Any) -> str:
    """A UID that depends on the parts only."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["tumorscope", *map(str, parts)]))


def write_file(path: Path, attributes: Mapping[str, Any]) -> Path:
    """A DICOM file, explicit little endian, of keywords and values; None leaves one out."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = attributes.get("SOPClassUID") or MR
    meta.MediaStorageSOPInstanceUID = attributes.get("SOPInstanceUID") or uid(path.name)
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in attributes.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW" if dataset.get("BitsAllocated", 16) > 8 else "OB"
    dataset.save_as(path, enforce_file_format=True)
    return path


def _resampled(volume: np.ndarray, affine: np.ndarray | None, grid: Grid, order: int) -> np.ndarray:
    assert affine is not None
    to_phantom = np.linalg.inv(affine) @ grid.affine
    if volume.shape == grid.shape and np.allclose(to_phantom, np.eye(4), atol=1e-6):
        return volume
    matrix = np.flip(to_phantom[:3, :3])  # (slice, row, column) on both sides
    offset = to_phantom[:3, 3][::-1]
    return ndimage.affine_transform(volume, matrix, offset, grid.shape, order=order)


def _ranks(count: int, order: Order) -> list[int]:
    """For each slice along the normal, which it is in the scanner's count."""
    if order == "shuffled":
        return np.random.default_rng(0).permutation(count).tolist()
    return list(range(count) if order == "ascending" else range(count - 1, -1, -1))


def _decimals(values: Any) -> list[str]:
    """Numbers as DICOM's decimal strings, at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(value) + 0.0) for value in values]


def _common(sequence: str, study: str, number: int) -> dict[str, Any]:
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "NONE"],
        "PatientName": PATIENT_NAME,
        "PatientID": PATIENT_ID,
        "PatientBirthDate": "19600229",
        "PatientSex": "F",
        "PatientAge": "064Y",
        "PatientWeight": "70",
        "StudyInstanceUID": uid(study),
        "StudyID": "1",
        "StudyDate": "20240301",
        "StudyTime": "101500",
        "StudyDescription": "MR head",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": "",
        "SeriesInstanceUID": uid(study, number),
        "SeriesNumber": number,
        "SeriesDescription": _DESCRIPTIONS[sequence],
        "SeriesDate": "20240301",
        "SeriesTime": f"10{15 + number:02d}00",
        "AcquisitionDate": "20240301",
        "AcquisitionTime": f"10{15 + number:02d}00",
        "AcquisitionNumber": 1,
        "ContentDate": "20240301",
        "ContentTime": f"10{15 + number:02d}30",
        "Modality": "MR",
        "BodyPartExamined": "HEAD",
        "PatientPosition": "HFS",
        "Manufacturer": "Phantom Works",
        "ManufacturerModelName": "Ellipsoid 3T",
        "DeviceSerialNumber": "1",
        "SoftwareVersions": "1",
        "MagneticFieldStrength": "3",
        "FrameOfReferenceUID": uid(study, "frame of reference"),
        "PositionReferenceIndicator": "",
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "EchoTrainLength": 1,
    }


def _pixel_module(pixels: np.ndarray) -> dict[str, Any]:
    bits = pixels.dtype.itemsize * 8
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[1],
        "Columns": pixels.shape[2],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "WindowCenter": "400",
        "WindowWidth": "800",
    }


def _write_enhanced(
    path: Path,
    common: dict[str, Any],
    pixels: np.ndarray,
    grid: Grid,
    ranks: list[int],
    attributes: Mapping[str, Any],
) -> Path:
    """One Enhanced MR file; frames in the scanner's order."""
    places = np.argsort(ranks)
    moved = {"ScanningSequence", "SequenceVariant", "ScanOptions", "RepetitionTime", "EchoTime", "EchoTrainLength"}
    moved |= {"InversionTime", "ContrastBolusAgent", "WindowCenter", "WindowWidth"}
    top = {keyword: value for keyword, value in common.items() if keyword not in moved}
    contrast = {"flair": "FLUID_ATTENUATED", "t2": "T2"}.get(_sequence_of(common), "T1")
    shared = _dataset(
        PixelMeasuresSequence=[
            _dataset(
                PixelSpacing=_decimals(grid.spacing_mm[1:]),
                SliceThickness=grid.spacing_mm[0],
                SpacingBetweenSlices=grid.spacing_mm[0],
            )
        ],
        PlaneOrientationSequence=[_dataset(ImageOrientationPatient=_decimals(grid.orientation))],
        MRImageFrameTypeSequence=[
            _dataset(
                FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"],
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
                ComplexImageComponent="MAGNITUDE",
                AcquisitionContrast=contrast,
            )
        ],
        PixelValueTransformationSequence=[_dataset(RescaleSlope=1, RescaleIntercept=0, RescaleType="US")],
        FrameVOILUTSequence=[_dataset(WindowCenter="400", WindowWidth="800")],
        MRTimingAndRelatedParametersSequence=[
            _dataset(
                RepetitionTime=common["RepetitionTime"],
                FlipAngle=90,
                EchoTrainLength=common["EchoTrainLength"],
                RFEchoTrainLength=common["EchoTrainLength"],
                GradientEchoTrainLength=0,
            )
        ],
        MREchoSequence=[_dataset(EffectiveEchoTime=float(common["EchoTime"]))],
        FrameAnatomySequence=[
            _dataset(
                FrameLaterality="U",
                AnatomicRegionSequence=[
                    _dataset(CodeValue="12738006", CodingSchemeDesignator="SCT", CodeMeaning="Brain")
                ],
            )
        ],
    )
    if "InversionTime" in common:
        shared.MRModifierSequence = [_dataset(InversionRecovery="YES", InversionTimes=float(common["InversionTime"]))]
    if "ContrastBolusAgent" in common:
        top["ContrastBolusAgent"] = common["ContrastBolusAgent"]
        top["ContrastBolusAgentSequence"] = [
            _dataset(
                CodeValue="418351005",
                CodingSchemeDesignator="SCT",
                CodeMeaning="Gadobutrol",
                ContrastBolusAgentNumber=1,
            )
        ]
    frames = []
    for rank, place in enumerate(places, 1):
        content = _dataset(
            StackID="1",
            InStackPositionNumber=int(place) + 1,
            DimensionIndexValues=[1, int(place) + 1],
            FrameAcquisitionNumber=rank,
            FrameAcquisitionDateTime="20240301101500",
            FrameReferenceDateTime="20240301101500",
            FrameAcquisitionDuration=1000.0,
        )
        position = _dataset(ImagePositionPatient=_decimals(grid.position(int(place))))
        frames.append(_dataset(FrameContentSequence=[content], PlanePositionSequence=[position]))
    organization = uid(common["SeriesInstanceUID"], "dimensions")
    enhanced = {
        "SOPClassUID": ENHANCED_MR,
        "SOPInstanceUID": uid(common["SeriesInstanceUID"], "enhanced"),
        "InstanceNumber": 1,
        "NumberOfFrames": len(pixels),
        "AcquisitionContrast": contrast,
        "AcquisitionDateTime": "20240301101500",
        "AcquisitionDuration": 60.0,
        "ComplexImageComponent": "MAGNITUDE",
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "PulseSequenceName": "SE",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "ContentQualification": "RESEARCH",
        "ResonantNucleus": "1H",
        "ApplicableSafetyStandardAgency": "IEC",
        "AcquisitionContextSequence": [],
        "DimensionOrganizationSequence": [_dataset(DimensionOrganizationUID=organization)],
        "DimensionIndexSequence": [
            _dataset(
                DimensionOrganizationUID=organization,
                DimensionIndexPointer=pointer,
                FunctionalGroupPointer=0x00209111,
                DimensionDescriptionLabel=name,
            )
            for pointer, name in ((0x00209056, "Stack ID"), (0x00209057, "In-Stack Position Number"))
        ],
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": frames,
        "PixelData": np.ascontiguousarray(pixels[places]).tobytes(),
    }
    return write_file(path, {**top, **enhanced, **attributes})


def _sequence_of(common: Mapping[str, Any]) -> str:
    return next(name for name, text in _DESCRIPTIONS.items() if text == common["SeriesDescription"])


def _dataset(**values: Any) -> Any:
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset
