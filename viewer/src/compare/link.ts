/**
 * Which slice of one study belongs to a slice of another.
 *
 * By millimeters along the slices' normal where both studies say where their slices are and lie alike; else by the share
 * of the stack. A patient lies elsewhere in the scanner at each visit, so an offset can be set by hand.
 */

import type { Geometry } from "../analysis";

type Point = [number, number, number];

export interface Link {
  kind: "mm" | "share";
  /** The other study's slice. @param from 0 for a slice of the first study, 1 for one of the second. */
  follow(from: 0 | 1, slice: number, offset: number): number;
  /** The offset with which these two slices belong together. */
  offset(first: number, second: number): number;
}

/** Planes that differ by more than this are not scrolled by millimeters: cosine of 20 degrees. */
const ALIKE = Math.cos(Math.PI / 9);
/** Stacks that overlap by less of the shorter one lie in unrelated coordinates. */
const OVERLAP = 0.5;

export function linkOf(first: Geometry, second: Geometry): Link {
  const positions = positionsInMm(first, second);
  const [kind, places] = positions ? (["mm", positions] as const) : (["share", [shares(first), shares(second)]] as const);
  const at = (side: 0 | 1, slice: number): number => places[side]?.[slice] ?? 0;
  return {
    kind,
    follow(from, slice, offset) {
      const wanted = at(from, slice) + (from === 0 ? offset : -offset);
      return nearest(places[from === 0 ? 1 : 0] ?? [], wanted);
    },
    offset: (one, other) => at(1, other) - at(0, one),
  };
}

/** Each slice's position along the first study's normal; null where one has none or they cannot be compared. */
function positionsInMm(first: Geometry, second: Geometry): [number[], number[]] | null {
  const [normal, other] = [normalOf(first), normalOf(second)];
  if (!normal || !other || Math.abs(dot(normal, other)) < ALIKE) return null;
  const places = [along(first, normal), along(second, normal)] as [number[], number[]];
  const [[low, high], [otherLow, otherHigh]] = places.map((each) => [Math.min(...each), Math.max(...each)]) as [[number, number], [number, number]];
  const common = Math.min(high, otherHigh) - Math.max(low, otherLow);
  const shorter = Math.min(high - low, otherHigh - otherLow);
  return shorter > 0 && common >= OVERLAP * shorter ? places : null;
}

function along({ affine, shape: [slices, rows, columns], slice_positions: positions }: Geometry, normal: Point): number[] {
  return Array.from({ length: slices }, (_, slice) => {
    const voxel = [(columns - 1) / 2, (rows - 1) / 2, positions?.[slice] ?? slice, 1];
    const center = [0, 1, 2].map((row) => voxel.reduce((sum, part, axis) => sum + part * (affine?.[row]?.[axis] ?? 0), 0)) as Point;
    return dot(center, normal);
  });
}

function normalOf({ affine }: Geometry): Point | null {
  if (!affine) return null;
  const column = (axis: number): Point => [0, 1, 2].map((row) => affine[row]?.[axis] ?? 0) as Point;
  const [[a, b, c], [d, e, f]] = [column(0), column(1)];
  const normal: Point = [b * f - c * e, c * d - a * f, a * e - b * d];
  const length = Math.hypot(...normal);
  return length > 0 ? (normal.map((part) => part / length) as Point) : null;
}

function shares({ shape: [slices] }: Geometry): number[] {
  return Array.from({ length: slices }, (_, slice) => (slices > 1 ? slice / (slices - 1) : 0.5));
}

function nearest(places: readonly number[], wanted: number): number {
  return places.reduce((best, place, index) => (Math.abs(place - wanted) < Math.abs((places[best] ?? 0) - wanted) ? index : best), 0);
}

function dot(one: Point, other: Point): number {
  return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
}
