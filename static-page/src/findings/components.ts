/** The mask, found before it is drawn: `tumorscope.inference.postprocessing` and `measurement.components`. */

import type { OperatingPoint } from "./card";

const REMOVED = -1;

/**
 * Which pixels of the network's masks stay, over all slices: a connected part (faces, edges and corners) is kept
 * whole if one of its slices reaches the operating point for presence.
 *
 * @param masks probabilities of each slice, `(size, size)`
 * @param presence probability of each slice
 * @returns one for kept, zero elsewhere, per slice
 */
export function keptPixels(masks: readonly Float32Array[], presence: readonly number[], size: number, point: OperatingPoint): Uint8Array[] {
  const floor = point.presence_within === null ? point.presence : Math.min(point.presence_within, point.presence);
  const threshold = Math.fround(point.mask);
  const labels = masks.map((mask, slice) => {
    const open = presence[slice] >= floor;
    return Int32Array.from(mask, (value) => (open && value >= threshold ? 0 : REMOVED));
  });
  const kept = new Set<number>();
  let count = 0;
  labels.forEach((slice, index) => {
    slice.forEach((label, pixel) => {
      if (label !== 0) return;
      count += 1;
      const { evidence, pixels } = flood(labels, presence, size, [index, pixel], count);
      if (evidence >= point.presence && pixels >= point.min_component_size_px) kept.add(count);
    });
  });
  return labels.map((slice) => Uint8Array.from(slice, (label) => (kept.has(label) ? 1 : 0)));
}

function flood(
  labels: readonly Int32Array[],
  presence: readonly number[],
  size: number,
  start: [slice: number, pixel: number],
  label: number,
): { evidence: number; pixels: number } {
  let evidence = 0;
  let pixels = 0;
  const open: [number, number][] = [start];
  labels[start[0]][start[1]] = label;
  for (let next = open.pop(); next; next = open.pop()) {
    const [slice, pixel] = next;
    pixels += 1;
    evidence = Math.max(evidence, presence[slice]);
    const [row, column] = [Math.floor(pixel / size), pixel % size];
    for (let s = Math.max(0, slice - 1); s <= Math.min(labels.length - 1, slice + 1); s++) {
      for (let r = Math.max(0, row - 1); r <= Math.min(size - 1, row + 1); r++) {
        for (let c = Math.max(0, column - 1); c <= Math.min(size - 1, column + 1); c++) {
          if (labels[s][r * size + c] !== 0) continue;
          labels[s][r * size + c] = label;
          open.push([s, r * size + c]);
        }
      }
    }
  }
  return { evidence, pixels };
}
