/** analysis.json, schema tumorscope.analysis/3. Positions are [slice, row, column] from zero; mm are RAS+. */

export type Point = [number, number];
export type Place = [number, number, number];

export interface TypeFinding {
  /** Null where the type is uncertain. */
  name: string | null;
  likeliest: string;
  probability: number | null;
  confidence_needed: number | null;
  type_probabilities?: Record<string, number | null>;
}

export interface SliceFinding {
  index: number;
  name: string | null;
  tumor_probability: number | null;
  mask_probability: number | null;
  area_px: number;
  area_mm2: number | null;
  type_probabilities?: Record<string, number | null>;
}

/** A straight line on a slice; ends are [row, column]. */
export interface Diameter {
  length: number;
  start: Point;
  end: Point;
  start_mm?: Place | null;
  end_mm?: Place | null;
}

export interface Diameters {
  unit: "mm" | "px";
  slice: number;
  longest: Diameter;
  perpendicular: Diameter;
  product: number;
  inside: boolean;
}

export interface Lesion {
  bounding_box: { first: Place; last: Place };
  voxels: number;
  volume_mm3: number | null;
  center: Place;
  center_mm: Place | null;
  largest_slice: number;
  tumor_probability: number | null;
  extent_mm: Place | null;
  laterality: string | null;
  midline_distance_mm: number | null;
  measurable: boolean | null;
  nonmeasurable_reason: string | null;
  diameters: Diameters | null;
}

export interface RunLengths {
  /** Rows and columns. */
  size: [number, number];
  /** Runs down the columns, beginning with zeros. */
  counts: number[];
}

export interface Analysis {
  schema: string;
  case: string;
  bundle: { name: string; version: string; sha256: string; reason: string | null };
  engine: { runtime: string; precision: string };
  operating_point?: { presence: number; mask: number };
  assessed: boolean;
  corrected: boolean;
  tumor_present: boolean | null;
  tumor_probability: number | null;
  tumor_type: TypeFinding | null;
  radiomics_classifier: TypeFinding | null;
  types_agree: boolean | null;
  volume_mm3: number | null;
  voxels: number;
  slices: SliceFinding[];
  lesions: Lesion[];
  geometry: {
    /** Slices, rows, columns. */
    shape: Place;
    /** Between slices, rows, columns. */
    spacing_mm: Place | null;
    /** (column, row, slice) to RAS+ mm. */
    affine: number[][] | null;
    sequences: string[];
    kind: string;
  };
  warnings: string[];
  notice: string;
  timing_ms: Record<string, number | null>;
  mask_rle: RunLengths[];
}
