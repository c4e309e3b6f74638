/**
 * Where voxels are, and how planes of them stand on the screen.
 *
 * A voxel is [column, row, slice]; whole numbers are its center. The acquired plane is shown as the
 * report shows it: column 0 left, row 0 on top. Planes cut across it are turned as a radiologist
 * expects: the patient's right on the left, anterior on the left of a sagittal plane, head up.
 */

export type Axis = 0 | 1 | 2;
export type Voxel = [number, number, number];

export interface Letters {
  left: string;
  right: string;
  top: string;
  bottom: string;
}

export interface Plane {
  /** The axis the plane stands still on, the one that runs across the screen, the one that runs down. */
  normal: Axis;
  across: Axis;
  down: Axis;
  /** Whether voxels are counted against the screen's direction. */
  flipAcross: boolean;
  flipDown: boolean;
  title: string;
  /** Null where it is not known how the patient lay. */
  letters: Letters | null;
}

export interface Grid {
  dims: Voxel;
  /** Sizes along each axis, in mm where `known`, else 1. */
  spacing: Voxel;
  known: boolean;
  affine: number[][] | null;
  /** For each axis the patient axis nearest to it (0 right-left, 1, 2) and which way it runs in RAS+. */
  runs: [Run, Run, Run];
}

export interface Run {
  patient: Axis;
  sign: 1 | -1;
}

/** As an axial scan lies; what is assumed, for drawing only, where nothing is known. */
const AS_AXIAL: Grid["runs"] = [{ patient: 0, sign: -1 }, { patient: 1, sign: -1 }, { patient: 2, sign: 1 }];
const POSITIVE = ["L", "P", "I"] as const;
const NEGATIVE = ["R", "A", "S"] as const;
const TITLES = ["Sagittal", "Coronal", "Axial"] as const;

/**
 * @param affine column, row, slice to RAS+ mm; null where it is not known.
 */
export function gridOf(dims: Readonly<Voxel>, affine: number[][] | null): Grid {
  const size = [...dims] as Voxel;
  if (!affine) return { dims: size, spacing: [1, 1, 1], known: false, affine: null, runs: AS_AXIAL };
  const spacing = ([0, 1, 2] as const).map((axis) => Math.hypot(...column(affine, axis))) as Voxel;
  if (!spacing.every((length) => length > 0 && Number.isFinite(length))) {
    return { dims: size, spacing: [1, 1, 1], known: false, affine: null, runs: AS_AXIAL };
  }
  return { dims: size, spacing, known: true, affine, runs: runsOf(affine, spacing) };
}

/** Each axis of the grid gets the patient axis it follows best, the surest first. */
function runsOf(affine: number[][], spacing: Readonly<Voxel>): Grid["runs"] {
  const candidates: { axis: Axis; patient: Axis; share: number }[] = [];
  for (const axis of [0, 1, 2] as const) {
    column(affine, axis).forEach((part, patient) => {
      candidates.push({ axis, patient: patient as Axis, share: part / spacing[axis] });
    });
  }
  candidates.sort((one, other) => Math.abs(other.share) - Math.abs(one.share));
  const runs = new Map<Axis, Run>();
  const taken = new Set<Axis>();
  for (const { axis, patient, share } of candidates) {
    if (runs.has(axis) || taken.has(patient)) continue;
    runs.set(axis, { patient, sign: share < 0 ? -1 : 1 });
    taken.add(patient);
  }
  return [runs.get(0), runs.get(1), runs.get(2)] as Grid["runs"];
}

/** The plane the slices were taken in. */
export function acquiredPlane(grid: Grid): Plane {
  return named(grid, { normal: 2, across: 0, down: 1, flipAcross: false, flipDown: false });
}

/** The acquired plane, then the two across it. */
export function threePlanes(grid: Grid): [Plane, Plane, Plane] {
  return [acquiredPlane(grid), crossing(grid, 1), crossing(grid, 0)];
}

function crossing(grid: Grid, normal: Axis): Plane {
  const still = grid.runs[normal].patient;
  // Left-right before anterior-posterior across, anterior-posterior before head-foot down.
  const [one, other] = ([0, 1, 2] as const).filter((patient) => patient !== still) as [Axis, Axis];
  const axisOf = (patient: Axis): Axis => ([0, 1, 2] as const).find((axis) => grid.runs[axis].patient === patient) ?? 0;
  const [across, down] = [axisOf(one), axisOf(other)];
  // On the screen x grows to the left or posterior of the patient, y to the posterior or the feet: down in RAS+.
  return named(grid, { normal, across, down, flipAcross: grid.runs[across].sign > 0, flipDown: grid.runs[down].sign > 0 });
}

function named(grid: Grid, plane: Omit<Plane, "title" | "letters">): Plane {
  const { normal, across, down, flipAcross, flipDown } = plane;
  if (!grid.known) {
    const title = normal === 2 ? "Slices" : normal === 1 ? "Across the rows" : "Across the columns";
    return { ...plane, title, letters: null };
  }
  const ends = (axis: Axis, flip: boolean): [string, string] => {
    const { patient, sign } = grid.runs[axis];
    const grows = (sign < 0) !== flip;
    return grows ? [NEGATIVE[patient], POSITIVE[patient]] : [POSITIVE[patient], NEGATIVE[patient]];
  };
  const [left, right] = ends(across, flipAcross);
  const [top, bottom] = ends(down, flipDown);
  return { ...plane, title: TITLES[grid.runs[normal].patient], letters: { left, right, top, bottom } };
}

/** A place in the patient, RAS+ mm. */
export function patientPlace(grid: Grid, [i, j, k]: Readonly<Voxel>): Voxel | null {
  if (!grid.affine) return null;
  return ([0, 1, 2] as const).map((row) => {
    const [a = 0, b = 0, c = 0, d = 0] = grid.affine?.[row] ?? [];
    return a * i + b * j + c * k + d;
  }) as Voxel;
}

export function clampVoxel(grid: Grid, voxel: Readonly<Voxel>): Voxel {
  return voxel.map((value, axis) => Math.min(Math.max(Math.round(value), 0), grid.dims[axis as Axis] - 1)) as Voxel;
}

/** The same place with at most so many voxels: the finest axis is halved first. The grid itself where it is small enough. */
export function thinned(grid: Grid, most: number): Grid {
  let thin = grid;
  while (thin.dims[0] * thin.dims[1] * thin.dims[2] > most) {
    const axes = ([0, 1, 2] as const).filter((axis) => thin.dims[axis] > 1);
    const finest = axes.reduce((one, other) => (thin.spacing[other] < thin.spacing[one] ? other : one));
    const [dims, spacing] = [[...thin.dims] as Voxel, [...thin.spacing] as Voxel];
    dims[finest] = Math.ceil(dims[finest] / 2);
    spacing[finest] *= 2;
    thin = { ...thin, dims, spacing };
  }
  return thin;
}

function column(affine: number[][], axis: number): [number, number, number] {
  return [affine[0]?.[axis] ?? 0, affine[1]?.[axis] ?? 0, affine[2]?.[axis] ?? 0];
}
