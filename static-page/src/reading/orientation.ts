/**
 * The slices of a volume as the network gets to see them: `tumorscope.io.orientation`, then
 * `tumorscope.preprocessing.axial`. Axes are permuted and flipped; nothing is interpolated.
 */

import { acquiredPlane, gridOf, type Letters } from "../../../viewer/src/viewport/geometry";
import { likeOf, type Shape, type Volume } from "../arrays/volume";
import { argmax, column, cross, type Matrix, nearestRotation, norm } from "./affine";

const CLEARLY_LARGER = 1.5;
const NEAR_ISOTROPIC = 2;

/** By the patient axis along which slices are ordered: patient axis and RAS sign of column, row and slice. */
const PLANES = [
  [[1, -1], [2, -1], [0, 1]],
  [[0, -1], [2, -1], [1, -1]],
  [[0, -1], [1, -1], [2, 1]],
] as const;
const PLANE_NAMES = ["sagittal", "coronal", "axial"] as const;
export type Plane = (typeof PLANE_NAMES)[number];

/** Signs on the RAS axes: columns to the left, rows to posterior, slices to superior. */
const AXIAL_SIGNS = [-1, -1, 1];

/** For slice, row and column of the result: the axis it was, and whether it is reversed. */
interface Turn {
  readonly axes: readonly [number, number, number];
  readonly flips: readonly [boolean, boolean, boolean];
}

export interface Turned {
  readonly volume: Volume;
  readonly spacingMm: readonly [number, number, number];
  readonly plane: Plane;
  readonly edges: Letters | null;
}

/**
 * @param stored voxels whose first axis varies fastest, as NIfTI stores them
 * @param lengths of the stored axes
 * @param affine stored indices to millimeters in RAS+
 */
export function networkView(stored: Volume["data"], lengths: readonly [number, number, number], affine: Matrix): Turned {
  const radiological = radiologicalTurn(lengths, affine);
  // NIfTI's (i, j, k) with i fastest is the array (k, j, i).
  const asArray = { axes: radiological.axes.map((axis) => 2 - axis), flips: radiological.flips } as unknown as Turn;
  const scan = turned({ data: stored, shape: [lengths[2], lengths[1], lengths[0]] }, asArray);
  const directions = radiological.axes.map((axis, index) => column(affine, axis).map((value) => (radiological.flips[index] ? -value : value)));
  const view = axialTurn(scan.shape, directions);
  const sides = directions.map(norm);
  const spacingMm = view.axes.map((axis) => sides[axis]) as unknown as [number, number, number];
  const shown = view.axes.map((axis) => directions[axis]);
  return { volume: turned(scan, view), spacingMm, plane: PLANE_NAMES[normalAxis(shown)], edges: edgesOf(shown) };
}

/** @param directions of slices, rows and columns as they are shown, in millimeters */
function edgesOf([slice, row, col]: readonly number[][]): Letters | null {
  const affine = [0, 1, 2].map((patient) => [col[patient], row[patient], slice[patient], 0]);
  return acquiredPlane(gridOf([1, 1, 1], affine)).letters;
}

/** As a radiologist expects the slices. */
function radiologicalTurn(lengths: readonly number[], affine: Matrix): Turn {
  const orientation = patientAxes(affine);
  const sizes = [0, 1, 2].map((axis) => norm(column(affine, axis)));
  const slice = sliceAxis(lengths, sizes, orientation.map(([axis]) => axis));
  const [columns, rows, slices] = PLANES[orientation[slice][0]];
  const found = [slices, rows, columns].map(([patient, sign]) => {
    const axis = orientation.findIndex(([one]) => one === patient);
    return { axis, flip: orientation[axis][1] !== sign };
  });
  return { axes: found.map(({ axis }) => axis), flips: found.map(({ flip }) => flip) } as unknown as Turn;
}

/** nibabel's `io_orientation`: for each stored axis the patient axis it runs along, and its sign. */
function patientAxes(affine: Matrix): [axis: number, sign: number][] {
  const sizes = [0, 1, 2].map((axis) => norm(column(affine, axis)));
  const rotation = nearestRotation([0, 1, 2].map((row) => [0, 1, 2].map((col) => affine[row][col] / sizes[col])));
  const strength = [0, 1, 2].map((axis) => Math.max(...column(rotation, axis).map(Math.abs)));
  const order = [0, 1, 2].sort((one, other) => strength[other] - strength[one]);
  const found: [number, number][] = [[0, 1], [1, 1], [2, 1]];
  for (const axis of order) {
    const along = argmax(column(rotation, axis).map(Math.abs));
    found[axis] = [along, rotation[along][axis] < 0 ? -1 : 1];
    rotation[along] = [0, 0, 0];
  }
  return found;
}

function sliceAxis(lengths: readonly number[], sizes: readonly number[], patient: readonly number[]): number {
  const thin = [0, 1, 2].filter((axis) => lengths[axis] === 1);
  if (thin.length === 1) return thin[0];
  const largest = argmax(sizes);
  const others = sizes.filter((_, axis) => axis !== largest);
  return sizes[largest] > CLEARLY_LARGER * Math.max(...others) ? largest : patient.indexOf(2);
}

/** Nearly isotropic volumes are cut axially; a thick stack keeps its slices, and is turned only where it is axial. */
function axialTurn(shape: Shape, directions: readonly number[][]): Turn {
  const sides = directions.map(norm);
  const isotropic = Math.min(...shape) > 1 && Math.max(...sides) / Math.min(...sides) <= NEAR_ISOTROPIC;
  if (!isotropic && normalAxis(directions) !== 2) return { axes: [0, 1, 2], flips: [false, false, false] };
  const closest = assign(directions.map((direction, axis) => direction.map((value) => Math.abs(value / sides[axis]))));
  const axes = [2, 1, 0].map((patient) => closest[patient]);
  const flips = [2, 1, 0].map((patient) => Math.sign(directions[closest[patient]][patient]) !== AXIAL_SIGNS[patient]);
  return { axes, flips } as unknown as Turn;
}

/** The patient axis nearest to the normal of slices. */
function normalAxis(directions: readonly number[][]): number {
  return argmax(cross(directions[2], directions[1]).map(Math.abs));
}

/** For each patient axis the scan axis nearest to it, each used once; cosines by scan axis, then patient axis. */
function assign(cosines: number[][]): number[] {
  const found = [0, 0, 0];
  const freePatient = new Set([0, 1, 2]);
  const freeScan = new Set([0, 1, 2]);
  for (let step = 0; step < 3; step++) {
    let best: [patient: number, scan: number, cosine: number] = [0, 0, -1];
    for (const patient of freePatient) {
      for (const scan of freeScan) if (cosines[scan][patient] > best[2]) best = [patient, scan, cosines[scan][patient]];
    }
    found[best[0]] = best[1];
    freePatient.delete(best[0]);
    freeScan.delete(best[1]);
  }
  return found;
}

function turned({ data, shape }: Volume, { axes, flips }: Turn): Volume {
  const strides = [shape[1] * shape[2], shape[2], 1];
  const result = likeOf(data, data.length);
  const lengths = axes.map((axis) => shape[axis]) as unknown as [number, number, number];
  const steps = axes.map((axis, index) => (flips[index] ? -strides[axis] : strides[axis]));
  const start = axes.reduce((all, axis, index) => all + (flips[index] ? (shape[axis] - 1) * strides[axis] : 0), 0);
  let next = 0;
  for (let slice = 0; slice < lengths[0]; slice++) {
    for (let row = 0; row < lengths[1]; row++) {
      let from = start + slice * steps[0] + row * steps[1];
      for (let col = 0; col < lengths[2]; col++, from += steps[2]) result[next++] = data[from];
    }
  }
  return { data: result, shape: lengths };
}
