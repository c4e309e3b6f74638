/** What every reader returns. */

import type { Letters } from "../../../viewer/src/viewport/geometry";
import type { Volume } from "../arrays/volume";

/** A file that cannot be analyzed; the message is one sentence for the visitor. */
export class UnreadableScan extends Error {}

/** Slices as the network sees them. */
export interface Scan {
  readonly name: string;
  readonly volume: Volume;
  /** Between slices, rows and columns, in millimeters; null where the file does not tell. */
  readonly spacingMm: readonly [number, number, number] | null;
  /** Whether neighboring slices are neighbors in the head. */
  readonly kind: "image" | "volume";
  /** The plane of the slices shown; null where the file does not tell. */
  readonly plane: "axial" | "coronal" | "sagittal" | null;
  /** Which side of the patient is at which edge of a slice; null where the file does not tell. */
  readonly edges: Letters | null;
  readonly notes: readonly string[];
}

/** Height of a pixel divided by its width; one where that is not known. */
export function pixelAspect({ spacingMm }: Scan): number {
  return spacingMm ? spacingMm[1] / spacingMm[2] : 1;
}

const SMALLEST_SIDE = 16;
const MOST_BAD = 0.01;
const FILL = 1e20;

/** The scan with NaN and infinities repaired: `tumorscope.io.checks`. */
export function checked(scan: Scan): Scan {
  const { data, shape } = scan.volume;
  if (Math.min(shape[1], shape[2]) < SMALLEST_SIDE) {
    throw new UnreadableScan(`${shape[1]}×${shape[2]} pixels are too few; at least ${SMALLEST_SIDE}×${SMALLEST_SIDE} are needed.`);
  }
  const notes = [...scan.notes];
  if (data instanceof Float32Array || data instanceof Float64Array) repair(data, notes);
  if (data.every((value: number) => value === data[0])) {
    throw new UnreadableScan("The image has no contrast: every pixel is the same. Check the export.");
  }
  return { ...scan, notes };
}

function repair(data: Float32Array | Float64Array, notes: string[]): void {
  let bad = 0;
  let filled = 0;
  let lowest = Infinity;
  for (let index = 0; index < data.length; index++) {
    if (!Number.isFinite(data[index])) {
      bad += 1;
      data[index] = 0;
    }
    if (Math.abs(data[index]) >= FILL) filled += 1;
    else if (data[index] < lowest) lowest = data[index];
  }
  if (bad > MOST_BAD * data.length) {
    throw new UnreadableScan(`${Math.round((100 * bad) / data.length)} % of the voxels are NaN or infinite. Export the scan again.`);
  }
  if (bad) notes.push(`${bad} NaN or infinite voxels were set to 0.`);
  if (!filled) return;
  if (lowest === Infinity) lowest = 0;
  for (let index = 0; index < data.length; index++) if (Math.abs(data[index]) >= FILL) data[index] = lowest;
  notes.push(`${filled} voxels of values that no scanner measures were set to the lowest of the others.`);
}
