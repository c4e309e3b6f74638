/** The content of analysis.json. Printed by viewer/analysis_types.py; do not edit. */

export interface Box {
  /** slice, row, column */
  first: [number, number, number];
  last: [number, number, number];
}

export interface Bundle {
  name: string;
  version: string;
  /** over model card and models */
  sha256: string;
  /** why it was chosen for the scan; null where the user named it */
  reason: string | null;
}

export interface Diameter {
  length: number;
  /** row, column */
  start: [number, number];
  end: [number, number];
  /** RAS+; null without a known voxel size */
  start_mm: [number, number, number] | null;
  end_mm: [number, number, number] | null;
}

export interface Diameters {
  unit: "mm" | "px";
  slice: number;
  longest: Diameter;
  perpendicular: Diameter;
  product: number;
  /** whether both lines stay within the lesion */
  inside: boolean;
}

export interface Engine {
  /** onnxruntime or openvino */
  runtime: string;
  /** float or int8 */
  precision: string;
  /** whether the network's outputs were averaged over left-right flips */
  flips: boolean;
}

export interface Geometry {
  /** slices, rows, columns */
  shape: [number, number, number];
  /** between slices, rows and columns */
  spacing_mm: [number, number, number] | null;
  /** (column, row, slice) to RAS+ mm */
  affine: number[][] | null;
  /** what the affine maps instead of slice indices where slices are unevenly spaced; else null */
  slice_positions: number[] | null;
  /** of the scan's channels */
  sequences: string[];
  kind: "image" | "slices" | "volume";
}

export interface Label {
  /** `whole tumor` or `enhancing tumor`, BraTS's regions, or a compartment's name in the model card */
  name: string;
  /** in the mask's file; the label is all of them together, so a label inside another shares its values */
  values: number[];
  sequences: string[];
  bundle: Bundle;
  engine: Engine;
  operating_point: OperatingPoint;
  /** whether any slice reaches this label's bundle's operating point; of a compartment inside the whole whether any of it is segmented */
  tumor_present: boolean;
  tumor_probability: number | null;
  volume_mm3: number | null;
  voxels: number;
  slices: SliceFinding[];
  lesions: Lesion[];
  mask_rle: RunLengths[];
}

export interface Lesion {
  bounding_box: Box;
  voxels: number;
  volume_mm3: number | null;
  /** slice, row, column */
  center: [number, number, number];
  /** RAS+ */
  center_mm: [number, number, number] | null;
  largest_slice: number;
  tumor_probability: number | null;
  /** edge to edge along slices, rows and columns */
  extent_mm: [number, number, number] | null;
  /** right, left or midline */
  laterality: string | null;
  midline_distance_mm: number | null;
  /** with `--location`, where the atlas could be registered */
  location: Location | null;
  /** by RANO */
  measurable: boolean | null;
  nonmeasurable_reason: string | null;
  diameters: Diameters | null;
}

export interface Location {
  /** frontal, parietal, temporal, occipital, insula, deep, cerebellum, brainstem, ventricles or outside */
  region: "frontal" | "parietal" | "temporal" | "occipital" | "insula" | "deep" | "cerebellum" | "brainstem" | "ventricles" | "outside";
  /** whether it stays the same where the atlas is moved by 5 mm */
  region_certain: boolean;
  /** left, right or both; null where the file does not tell sides */
  hemisphere: "left" | "right" | "both" | null;
  /** the largest first */
  shares: RegionShare[];
  /** from its nearest voxel to the atlas's midline; 0 where it crosses */
  midline_gap_mm: number;
}

export interface Note {
  code: "rejected_by_header" | "rejected_by_values" | "rejected_by_appearance" | "doubtful_input" | "files_skipped" | "files_missing" | "partial_series" | "series_left_out" | "series_choice" | "images_left_out" | "incomplete_study" | "sequence_source" | "sequence_assumed" | "sequence_missing" | "sequence_recognized" | "sequence_contradicted" | "values_replaced" | "value_scale" | "no_contrast" | "turned_upright" | "single_volume" | "unknown_voxel_size" | "voxel_size_given" | "implausible_voxel_size" | "assumed_spacing" | "assumed_order" | "assumed_orientation" | "assumed_frame_of_reference" | "conflicting_transforms" | "uneven_slices" | "series_resampled" | "series_registered" | "partial_coverage" | "untrained_plane" | "patient_key_missing" | "patient_assumed" | "conflicting_patients" | "several_patients" | "no_references" | "mask_threshold" | "label_missing" | "labels_left_out" | "mask_outside_scan" | "mask_below_threshold" | "contours_left_out" | "assumed_grid" | "small_components" | "unknown_volume" | "corrected_segmentation" | "location_not_assessed" | "networks_disagree" | "enhancing_outside" | "enhancing_apart" | "uptake_unknown" | "forced_comparison" | "unverified_origin" | "unmatched_lesions" | "possible_new_lesion" | "target_limit" | "minor_response" | "small_new_lesions" | "no_activation_map" | "dicom_not_written";
  text: string;
}

export interface OperatingPoint {
  /** tumor probability from which a slice is positive */
  presence: number;
  /** probability from which a pixel belongs to the mask */
  mask: number;
}

export interface RegionShare {
  region: "frontal" | "parietal" | "temporal" | "occipital" | "insula" | "deep" | "cerebellum" | "brainstem" | "ventricles" | "outside";
  /** left or right; null where the file does not tell sides */
  hemisphere: "left" | "right" | null;
  /** of the lesion's volume, 0 to 1 */
  share: number;
}

export interface Ruler {
  /** slice, row or column: perpendicular to the plane */
  axis: "slice" | "row" | "column";
  /** slice, row, column */
  start: [number, number, number];
  end: [number, number, number];
  length: number;
  unit: "mm" | "px";
}

export interface RunLengths {
  /** rows, columns */
  size: [number, number];
  /** runs down the columns, beginning with zeros */
  counts: number[];
}

export interface SliceFinding {
  /** from 0 */
  index: number;
  /** as people count: the DICOM image's instance number, or else from 1 */
  number: number;
  /** of its file; null where slices are not files */
  name: string | null;
  /** slice-level detection, calibrated */
  tumor_probability: number | null;
  /** of its most certain pixel; null where slice-level detection alone rules a mask out */
  mask_probability: number | null;
  area_px: number;
  area_mm2: number | null;
  /** null where the bundle does not predict types */
  type_probabilities: Record<string, number | null> | null;
}

export interface TypeFinding {
  /** null where the type is uncertain */
  name: string | null;
  likeliest: string;
  probability: number | null;
  confidence_needed: number | null;
  /** why no type is named: `low_probability` (below `confidence_needed`), `other_or_unsure` (the tumor is unlike those of the types that the bundle knows), `isolated_slice` (only single slices near the operating point show a tumor) or `other_sequence` (types were learned on another sequence); null where one is named */
  doubt: "low_probability" | "other_or_unsure" | "isolated_slice" | "other_sequence" | null;
  type_probabilities: Record<string, number | null>;
}

export interface Analysis {
  schema: "tumorscope.analysis/3";
  /** the folder's name; never a patient's name */
  case: string;
  /** distinguishes patients without naming them ([below](#the-patients-key)); null without a PatientID */
  patient_key: string | null;
  /** DICOM's StudyDate as `YYYY-MM-DD`, or null */
  study_date: string | null;
  /** for each input of the network, the scan's name of the sequence it received */
  sequences: string[];
  /** `name`, `version`, `sha256` over model card and models, and `reason`: why it was chosen, or null where the user named it */
  bundle: Bundle;
  /** `runtime` (onnxruntime, openvino) and `precision` (float, int8) */
  engine: Engine;
  /** the probabilities from which a slice is positive (`presence`) and a pixel belongs to the mask (`mask`) */
  operating_point: OperatingPoint;
  /** why the input check rejected the scan, as `code` and `text`: then `tumor_present` and all probabilities are null; null where the scan was assessed */
  input_rejected: Note | null;
  /** whether a person has corrected the segmentation; lesions, areas, volume and `radiomics_classifier` are then computed from it, probabilities and `tumor_type` are the network's */
  corrected: boolean;
  /** why images of the study may be missing, where the node knows that the transfer was not completed; else null */
  incomplete: string | null;
  /** whether any slice reaches the bundle's operating point */
  tumor_present: boolean | null;
  /** the largest of any slice, from slice-level detection, calibrated */
  tumor_probability: number | null;
  /** predicted by the network; null without a tumor or where the bundle predicts no types: `name` (null where uncertain), `likeliest`, `probability`, `confidence_needed`, `doubt`, `type_probabilities` */
  tumor_type: TypeFinding | null;
  /** the type by a classifier on shape, intensity, texture and location of the segmented tumor in the slice that shows most of it; same keys, or null */
  radiomics_classifier: TypeFinding | null;
  /** whether network and radiomics classifier find the same type likeliest; null unless both predict */
  types_agree: boolean | null;
  /** of the whole mask; null where the voxel size is not known */
  volume_mm3: number | null;
  /** of the whole mask */
  voxels: number;
  /** for each slice: `index` from 0, `number` as people count ([below](#slice-numbers)), `name` of its file or null, `tumor_probability` (slice-level detection), `mask_probability` (of its most certain pixel; null where slice-level detection alone rules a mask out), `area_px`, `area_mm2` or null, `type_probabilities` or null */
  slices: SliceFinding[];
  /** the mask's connected components, largest first: `bounding_box` with `first` and `last` voxel (slice, row, column; both inside), `voxels`, `volume_mm3` or null, `center`, `center_mm` (RAS+) or null, `largest_slice`, `tumor_probability`; `diameters` with `unit` (mm or px), `slice`, `longest` and `perpendicular` with `length` and end points, `product` and `inside`; `extent_mm` edge to edge, `laterality` and `midline_distance_mm` or null; `location` or null, with `region`, `region_certain`, `hemisphere`, `shares` and `midline_gap_mm` ([where in the brain](location.md)); `measurable` by RANO, and else `nonmeasurable_reason` */
  lesions: Lesion[];
  /** where two bundles analyzed the scan ([below](#two-labels)) or one that segments several compartments, one entry for each label, the whole tumor first: `name`, `values` (in the mask's file; the label is all of them together), and as above, for this label, `sequences`, `bundle`, `engine`, `operating_point`, `tumor_present`, `tumor_probability`, `volume_mm3`, `voxels`, `slices`, `lesions`, `mask_rle`; else empty */
  labels: Label[];
  /** distances that a person had drawn in the page when this version was saved there: `axis` (slice, row or column, perpendicular to the plane), `start` and `end` (slice, row, column), `length` and `unit` (mm or px) */
  rulers: Ruler[];
  /** `shape`, `spacing_mm`, `affine` (column, row, slice to RAS+ mm), `slice_positions` (where slices are unevenly spaced, what the affine maps instead of their indices; else null), `sequences`, `kind` */
  geometry: Geometry;
  /** Dice of the mask with the true mask; null where none was given or both are empty */
  truth_dice: number | null;
  /** what was assumed, filled in or left out: a `code` for programs (`tumorscope.core.note`) and a `text` */
  warnings: Note[];
  /** research use only */
  notice: string;
  /** by stage, in the order of the stages */
  timing_ms: Record<string, number | null>;
  /** one COCO run-length encoding per slice: `size` is rows and columns, `counts` the runs down the columns, beginning with zeros */
  mask_rle: RunLengths[];
}

/** Codes of notes that tell what was done; all others are warnings, after which findings may be wrong. */
export const INFORMATIVE: ReadonlySet<Note["code"]> = new Set<Note["code"]>(["dicom_not_written", "files_skipped", "images_left_out", "location_not_assessed", "mask_threshold", "no_activation_map", "no_references", "patient_key_missing", "sequence_recognized", "sequence_source", "series_choice", "series_left_out", "series_registered", "series_resampled", "single_volume", "small_components", "turned_upright", "value_scale", "voxel_size_given"]);
