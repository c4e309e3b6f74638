"""The content of ``analysis.json``: one set of models from which it is written, read back and described.

The service's OpenAPI description, the viewer's TypeScript types (``viewer/analysis_types.py``) and the table in
``docs/output.md`` derive from these models.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tumorscope.core.note import Note
from tumorscope.measurement.brain_regions import Region
from tumorscope.measurement.rulers import Axis

SCHEMA = "tumorscope.analysis/3"

RowColumn = tuple[float, float]
SliceRowColumn = tuple[float, float, float]
Millimeters = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class BundleEntry(_Part):
    """The bundle that analyzed the scan."""

    name: str
    version: str
    sha256: str = Field(description="over model card and models")
    reason: str | None = Field(description="why it was chosen for the scan; null where the user named it")


class EngineEntry(_Part):
    """How the network was run."""

    runtime: str = Field(description="onnxruntime or openvino")
    precision: str = Field(description="float or int8")
    flips: bool = Field(description="whether the network's outputs were averaged over left-right flips")


class OperatingPointEntry(_Part):
    """The thresholds that turn predictions into findings."""

    presence: float = Field(description="tumor probability from which a slice is positive")
    mask: float = Field(description="probability from which a pixel belongs to the mask")


class TypeEntry(_Part):
    """A predicted tumor type."""

    name: str | None = Field(description="null where the type is uncertain")
    likeliest: str
    probability: float | None
    confidence_needed: float | None
    doubt: Literal["low_probability", "other_or_unsure", "isolated_slice", "other_sequence"] | None = Field(
        default=None,
        description="why no type is named: `low_probability` (below `confidence_needed`), `other_or_unsure` (the tumor "
        "is unlike those of the types that the bundle knows), `isolated_slice` (only single slices near the operating "
        "point show a tumor) or `other_sequence` (types were learned on another sequence); null where one is named",
    )
    type_probabilities: dict[str, float | None]


class SliceEntry(_Part):
    """The findings in one slice."""

    index: int = Field(description="from 0")
    number: int = Field(description="as people count: the DICOM image's instance number, or else from 1")
    name: str | None = Field(description="of its file; null where slices are not files")
    tumor_probability: float | None = Field(description="slice-level detection, calibrated")
    mask_probability: float | None = Field(
        description="of its most certain pixel; null where slice-level detection alone rules a mask out"
    )
    area_px: int
    area_mm2: float | None
    type_probabilities: dict[str, float | None] | None = Field(
        description="null where the bundle does not predict types"
    )

    @model_validator(mode="before")
    @classmethod
    def _counted_from_one(cls, values: Any) -> Any:
        """Documents written before slices had a number."""
        return {"number": values["index"] + 1, **values} if isinstance(values, dict) and "index" in values else values


class BoxEntry(_Part):
    """First and last voxel of a lesion along each axis, both inside."""

    first: tuple[int, int, int] = Field(description="slice, row, column")
    last: tuple[int, int, int]


class DiameterEntry(_Part):
    """A straight line on a slice."""

    length: float
    start: RowColumn = Field(description="row, column")
    end: RowColumn
    start_mm: Millimeters | None = Field(None, description="RAS+; null without a known voxel size")
    end_mm: Millimeters | None = None


class DiametersEntry(_Part):
    """The longest diameter and the longest perpendicular diameter, as RANO defines them."""

    unit: Literal["mm", "px"]
    slice: int
    longest: DiameterEntry
    perpendicular: DiameterEntry
    product: float
    inside: bool = Field(description="whether both lines stay within the lesion")


class RegionShareEntry(_Part):
    """A part of a lesion's volume."""

    region: Region
    hemisphere: Literal["left", "right"] | None = Field(
        description="left or right; null where the file does not tell sides"
    )
    share: float = Field(description="of the lesion's volume, 0 to 1")


class LocationEntry(_Part):
    """Where a lesion is, by an atlas registered to the scan."""

    region: Region = Field(
        description="frontal, parietal, temporal, occipital, insula, deep, cerebellum, brainstem, ventricles or outside"
    )
    region_certain: bool = Field(description="whether it stays the same where the atlas is moved by 5 mm")
    hemisphere: Literal["left", "right", "both"] | None = Field(
        description="left, right or both; null where the file does not tell sides"
    )
    shares: list[RegionShareEntry] = Field(description="the largest first")
    midline_gap_mm: float = Field(description="from its nearest voxel to the atlas's midline; 0 where it crosses")


class LesionEntry(_Part):
    """One connected component of the mask."""

    bounding_box: BoxEntry
    voxels: int
    volume_mm3: float | None
    center: SliceRowColumn = Field(description="slice, row, column")
    center_mm: Millimeters | None = Field(description="RAS+")
    largest_slice: int
    tumor_probability: float | None
    extent_mm: Millimeters | None = Field(description="edge to edge along slices, rows and columns")
    laterality: str | None = Field(description="right, left or midline")
    midline_distance_mm: float | None
    location: LocationEntry | None = Field(None, description="with `--location`, where the atlas could be registered")
    measurable: bool | None = Field(description="by RANO")
    nonmeasurable_reason: str | None
    diameters: DiametersEntry | None


class RulerEntry(_Part):
    """A distance that a person drew in the page, in one plane of the scan."""

    axis: Axis = Field(description="slice, row or column: perpendicular to the plane")
    start: SliceRowColumn = Field(description="slice, row, column")
    end: SliceRowColumn
    length: float
    unit: Literal["mm", "px"]


class GeometryEntry(_Part):
    """The scan's grid."""

    shape: tuple[int, int, int] = Field(description="slices, rows, columns")
    spacing_mm: Millimeters | None = Field(description="between slices, rows and columns")
    affine: list[list[float]] | None = Field(description="(column, row, slice) to RAS+ mm")
    slice_positions: list[float] | None = Field(
        description="what the affine maps instead of slice indices where slices are unevenly spaced; else null"
    )
    sequences: list[str] = Field(description="of the scan's channels")
    kind: Literal["image", "slices", "volume"]


class RunLengths(_Part):
    """The mask of one slice, run-length encoded as in COCO."""

    size: tuple[int, int] = Field(description="rows, columns")
    counts: list[int] = Field(description="runs down the columns, beginning with zeros")


class LabelEntry(_Part):
    """One label of a scan that two bundles analyzed, or a bundle of several compartments; keys that the document has as well mean the same, for this label."""

    name: str = Field(
        description="`whole tumor` or `enhancing tumor`, BraTS's regions, or a compartment's name in the model card"
    )
    values: list[int] = Field(
        description="in the mask's file; the label is all of them together, so a label inside another shares its values"
    )
    sequences: list[str]
    bundle: BundleEntry
    engine: EngineEntry
    operating_point: OperatingPointEntry
    tumor_present: bool = Field(
        description="whether any slice reaches this label's bundle's operating point; of a compartment inside the whole "
        "whether any of it is segmented"
    )
    tumor_probability: float | None
    volume_mm3: float | None
    voxels: int
    slices: list[SliceEntry]
    lesions: list[LesionEntry]
    mask_rle: list[RunLengths]


class AnalysisDocument(_Part):
    """All findings in one scan. Indices count from zero; positions are (slice, row, column); millimeters are RAS+."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_: Literal["tumorscope.analysis/3"] = Field(default=SCHEMA, alias="schema")
    case: str = Field(description="the folder's name; never a patient's name")
    patient_key: str | None = Field(
        description="distinguishes patients without naming them ([below](#the-patients-key)); null without a PatientID"
    )
    study_date: str | None = Field(description="DICOM's StudyDate as `YYYY-MM-DD`, or null")
    sequences: list[str] = Field(
        description="for each input of the network, the scan's name of the sequence it received"
    )
    bundle: BundleEntry = Field(
        description="`name`, `version`, `sha256` over model card and models, and `reason`: why it was chosen, or null "
        "where the user named it"
    )
    engine: EngineEntry = Field(description="`runtime` (onnxruntime, openvino) and `precision` (float, int8)")
    operating_point: OperatingPointEntry = Field(
        description="the probabilities from which a slice is positive (`presence`) and a pixel belongs to the mask "
        "(`mask`)"
    )
    input_rejected: Note | None = Field(
        description="why the input check rejected the scan, as `code` and `text`: then `tumor_present` and all "
        "probabilities are null; null where the scan was assessed"
    )
    corrected: bool = Field(
        description="whether a person has corrected the segmentation; lesions, areas, volume and "
        "`radiomics_classifier` are then computed from it, probabilities and `tumor_type` are the network's"
    )
    incomplete: str | None = Field(
        description="why images of the study may be missing, where the node knows that the transfer was not "
        "completed; else null"
    )
    tumor_present: bool | None = Field(description="whether any slice reaches the bundle's operating point")
    tumor_probability: float | None = Field(
        description="the largest of any slice, from slice-level detection, calibrated"
    )
    tumor_type: TypeEntry | None = Field(
        description="predicted by the network; null without a tumor or where the bundle predicts no types: `name` "
        "(null where uncertain), `likeliest`, `probability`, `confidence_needed`, `doubt`, `type_probabilities`"
    )
    radiomics_classifier: TypeEntry | None = Field(
        description="the type by a classifier on shape, intensity, texture and location of the segmented tumor in the "
        "slice that shows most of it; same keys, or null"
    )
    types_agree: bool | None = Field(
        description="whether network and radiomics classifier find the same type likeliest; null unless both predict"
    )
    volume_mm3: float | None = Field(description="of the whole mask; null where the voxel size is not known")
    voxels: int = Field(description="of the whole mask")
    slices: list[SliceEntry] = Field(
        description="for each slice: `index` from 0, `number` as people count ([below](#slice-numbers)), `name` of its "
        "file or null, `tumor_probability` (slice-level detection), `mask_probability` (of its most certain pixel; "
        "null where slice-level detection alone rules a mask out), "
        "`area_px`, `area_mm2` or null, `type_probabilities` or null"
    )
    lesions: list[LesionEntry] = Field(
        description="the mask's connected components, largest first: `bounding_box` with `first` and `last` voxel "
        "(slice, row, column; both inside), `voxels`, `volume_mm3` or null, `center`, `center_mm` (RAS+) or null, "
        "`largest_slice`, `tumor_probability`; `diameters` with `unit` (mm or px), `slice`, `longest` and "
        "`perpendicular` with `length` and end points, `product` and `inside`; `extent_mm` edge to edge, "
        "`laterality` and `midline_distance_mm` or null; `location` or null, with `region`, `region_certain`, `hemisphere`, "
        "`shares` and `midline_gap_mm` ([where in the brain](location.md)); `measurable` by RANO, and else `nonmeasurable_reason`"
    )
    labels: list[LabelEntry] = Field(
        default=[],
        description="where two bundles analyzed the scan ([below](#two-labels)) or one that segments several compartments, one entry for each label, the whole "
        "tumor first: `name`, `values` (in the mask's file; the label is all of them together), and as above, for this "
        "label, `sequences`, `bundle`, `engine`, `operating_point`, `tumor_present`, `tumor_probability`, "
        "`volume_mm3`, `voxels`, `slices`, `lesions`, `mask_rle`; else empty",
    )
    rulers: list[RulerEntry] = Field(
        default=[],
        description="distances that a person had drawn in the page when this version was saved there: `axis` (slice, row "
        "or column, perpendicular to the plane), `start` and `end` (slice, row, column), `length` and `unit` (mm or px)",
    )
    geometry: GeometryEntry = Field(
        description="`shape`, `spacing_mm`, `affine` (column, row, slice to RAS+ mm), `slice_positions` (where slices "
        "are unevenly spaced, what the affine maps instead of their indices; else null), `sequences`, `kind`"
    )
    truth_dice: float | None = Field(
        default=None, description="Dice of the mask with the true mask; null where none was given or both are empty"
    )
    warnings: list[Note] = Field(
        description="what was assumed, filled in or left out: a `code` for programs (`tumorscope.core.note`) and a "
        "`text`"
    )
    notice: str = Field(description="research use only")
    timing_ms: dict[str, float | None] = Field(description="by stage, in the order of the stages")
    mask_rle: list[RunLengths] = Field(
        description="one COCO run-length encoding per slice: `size` is rows and columns, `counts` the runs down the "
        "columns, beginning with zeros"
    )


def analysis_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``analysis.json``.

    >>> analysis_schema()["properties"]["schema"]["const"]
    'tumorscope.analysis/3'
    """
    return AnalysisDocument.model_json_schema(mode="serialization")
