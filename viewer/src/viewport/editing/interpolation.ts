/**
 * Slices between two drawn ones: shape-based interpolation of signed distances (Raya and Udupa, 1990).
 *
 * Where contours do not overlap, interpolated distances leave the slices between them empty. Moving one contour to the
 * other would invent a path that nobody drew, so that is done only where the caller asks for it.
 */

import type { Voxel } from "../geometry";
import { signedDistance } from "./distance";
import { labelParts } from "./plane-components";

export interface Gap {
  /** The drawn slices that bound it. */
  below: number;
  above: number;
  /** What ends on the one and begins on the other, as planes of 0 and 1. */
  lower: Uint8Array;
  upper: Uint8Array;
  /** Whether the two cover any pixel together. */
  overlap: boolean;
}

export interface Invented {
  /** Positions in the array; all were empty. */
  places: Uint32Array;
  slices: number[];
}

/**
 * The gap around a slice; null where nothing ends below it and begins again above it.
 *
 * A contour that goes on in the next slice, such as that of another lesion, bounds no gap.
 */
export function gapAround(voxels: Uint8Array, dims: Readonly<Voxel>, slice: number): Gap | null {
  const size = dims[0] * dims[1];
  const planeAt = (index: number): Uint8Array => voxels.subarray(index * size, (index + 1) * size);
  let [below, above] = [slice - 1, slice + 1];
  let lower: Uint8Array | null = null;
  let upper: Uint8Array | null = null;
  for (; below >= 0; below -= 1) if ((lower = ending(planeAt(below), planeAt(below + 1), dims))) break;
  for (; above < dims[2]; above += 1) if ((upper = ending(planeAt(above), planeAt(above - 1), dims))) break;
  if (!lower || !upper) return null;
  const pixels = upper;
  return { below, above, lower, upper, overlap: lower.some((pixel, place) => pixel && pixels[place]) };
}

/** The parts of a plane that cover nothing of the next one; null without any. */
function ending(plane: Uint8Array, next: Uint8Array, [width, height]: Readonly<Voxel>): Uint8Array | null {
  if (!plane.some(Boolean)) return null;
  const { labels, count } = labelParts(plane, width, height);
  const goesOn = new Uint8Array(count + 1);
  labels.forEach((label, place) => { if (next[place]) goesOn[label] = 1; });
  const found = Uint8Array.from(labels, (label) => (label && !goesOn[label] ? 1 : 0));
  return found.some(Boolean) ? found : null;
}

/**
 * What lies between the two contours of a gap. Nothing that is drawn is changed, and nothing is written beyond the two
 * slices or, unless moved, outside both contours.
 *
 * @param spacing of the pixels, across and down, in mm.
 * @param positions of the slices, in mm or as numbers; uneven distances count.
 * @param moved the contours' middles are led from one to the other; else they stay where they are.
 */
export function interpolated(
  voxels: Uint8Array,
  dims: Readonly<Voxel>,
  gap: Gap,
  spacing: readonly [number, number],
  positions: (slice: number) => number,
  moved: boolean,
): Invented {
  const [width, height] = dims;
  const [lower, upper] = [middleOf(gap.lower, width), middleOf(gap.upper, width)];
  const way: [number, number] = moved ? [upper[0] - lower[0], upper[1] - lower[1]] : [0, 0];
  const [from, to] = [gap.lower, gap.upper].map((pixels) => signedDistance(pixels, width, height, spacing)) as [Float64Array, Float64Array];
  const places: number[] = [];
  const slices: number[] = [];
  for (let slice = gap.below + 1; slice < gap.above; slice += 1) {
    const share = (positions(slice) - positions(gap.below)) / (positions(gap.above) - positions(gap.below));
    const before = places.length;
    const lowerAt = shifted(from, width, height, way[0] * share, way[1] * share);
    const upperAt = shifted(to, width, height, way[0] * (share - 1), way[1] * (share - 1));
    for (let v = 0; v < height; v += 1) {
      for (let u = 0; u < width; u += 1) {
        const place = slice * width * height + v * width + u;
        if (voxels[place] || (1 - share) * lowerAt(u, v) + share * upperAt(u, v) > 0) continue;
        places.push(place);
      }
    }
    if (places.length > before) slices.push(slice);
  }
  return { places: Uint32Array.from(places), slices };
}

/** A plane of values moved by so many pixels, linear between them; the edge's values go on beyond it. */
function shifted(values: Float64Array, width: number, height: number, across: number, down: number): (u: number, v: number) => number {
  const at = (u: number, v: number): number => values[Math.min(Math.max(v, 0), height - 1) * width + Math.min(Math.max(u, 0), width - 1)] as number;
  if (across === 0 && down === 0) return at;
  return (u, v) => {
    const [x, y] = [u - across, v - down];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [right, low] = [x - left, y - top];
    return (1 - low) * ((1 - right) * at(left, top) + right * at(left + 1, top)) + low * ((1 - right) * at(left, top + 1) + right * at(left + 1, top + 1));
  };
}

function middleOf(pixels: Uint8Array, width: number): [number, number] {
  let [sumU, sumV, count] = [0, 0, 0];
  pixels.forEach((pixel, place) => {
    if (!pixel) return;
    sumU += place % width;
    sumV += Math.floor(place / width);
    count += 1;
  });
  return [sumU / count, sumV / count];
}
