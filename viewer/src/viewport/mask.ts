/** The mask under correction: strokes of a round brush, taken back and done again. */

import type { Grid, Plane, Voxel } from "./geometry";
import { stepsOf } from "./volume";

/** What one stroke changed: all these voxels were the other value before. */
interface Stroke {
  value: 0 | 1;
  places: Uint32Array;
  slices: [number, number];
}

/** So many changed voxels are remembered; the oldest strokes are then forgotten. */
const MOST_REMEMBERED = 20_000_000;

export class Mask {
  /** Anything but zero is inside. */
  readonly voxels: Uint8Array;
  /** How many voxels are inside on each slice. */
  readonly inside: Int32Array;
  /** Grows with every change. */
  revision = 0;
  private done: Stroke[] = [];
  private undone: Stroke[] = [];
  private open: { value: 0 | 1; places: number[]; slices: [number, number] } | null = null;
  /** Whether strokes that can no longer be taken back have changed the mask. */
  private forgotten = false;

  constructor(private readonly grid: Grid, private readonly original: Uint8Array) {
    const [columns, rows, slices] = grid.dims;
    if (original.length !== columns * rows * slices) throw new Error("the mask lies on another grid than the scan");
    this.voxels = original.slice();
    this.inside = new Int32Array(slices);
    this.countAll();
  }

  get dirty(): boolean {
    return this.forgotten || this.done.length > 0 || (this.open?.places.length ?? 0) > 0;
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  begin(value: 0 | 1): void {
    this.end();
    this.open = { value, places: [], slices: [Infinity, -Infinity] };
  }

  /**
   * Go on with a stroke, from one place to the next in a straight line.
   *
   * @param radiusPx in pixels along the acquired plane's columns; round in mm, so in planes across the slices too.
   * @param only the voxels that may change; by default all.
   */
  paint(plane: Plane, from: Readonly<Voxel>, to: Readonly<Voxel>, radiusPx: number, only?: (place: number) => boolean): void {
    const stroke = this.open;
    if (!stroke) return;
    const { dims, spacing } = this.grid;
    const { normal, across, down } = plane;
    const still = Math.round(to[normal]);
    if (still < 0 || still >= dims[normal]) return;
    const steps = stepsOf(dims);
    const [sizeU, sizeV] = [spacing[across], spacing[down]];
    const radius = Math.max(radiusPx, 0) * spacing[0];
    const reach = (size: number, one: number, other: number, count: number): [number, number] => [
      Math.max(0, Math.floor(Math.min(one, other) - radius / size)),
      Math.min(count - 1, Math.ceil(Math.max(one, other) + radius / size)),
    ];
    const [firstU, lastU] = reach(sizeU, from[across], to[across], dims[across]);
    const [firstV, lastV] = reach(sizeV, from[down], to[down], dims[down]);
    const distance = toSegment(from[across] * sizeU, from[down] * sizeV, to[across] * sizeU, to[down] * sizeV);
    // The pixel under the pointer is always drawn, however small the brush.
    const [pointedU, pointedV] = [Math.round(to[across]), Math.round(to[down])];
    for (let v = firstV; v <= lastV; v += 1) {
      for (let u = firstU; u <= lastU; u += 1) {
        if (distance(u * sizeU, v * sizeV) > radius && !(u === pointedU && v === pointedV)) continue;
        const place = u * steps[across] + v * steps[down] + still * steps[normal];
        if ((this.voxels[place] !== 0) === (stroke.value === 1) || only?.(place) === false) continue;
        this.set(place, stroke.value);
        stroke.places.push(place);
      }
    }
    const [low, high] = normal === 2 ? [still, still] : down === 2 ? [firstV, lastV] : [firstU, lastU];
    stroke.slices = [Math.min(stroke.slices[0], low), Math.max(stroke.slices[1], high)];
    this.revision += 1;
  }

  /** Change these voxels, as one stroke. */
  apply(value: 0 | 1, places: Iterable<number>): boolean {
    this.begin(value);
    const stroke = this.open;
    const size = this.grid.dims[0] * this.grid.dims[1];
    for (const place of stroke ? places : []) {
      if (!stroke || (this.voxels[place] !== 0) === (value === 1)) continue;
      this.set(place, value);
      stroke.places.push(place);
      const slice = Math.floor(place / size);
      stroke.slices = [Math.min(stroke.slices[0], slice), Math.max(stroke.slices[1], slice)];
    }
    this.revision += 1;
    return this.end();
  }

  /** Whether the stroke changed anything. */
  end(): boolean {
    const stroke = this.open;
    this.open = null;
    if (!stroke?.places.length) return false;
    this.done.push({ value: stroke.value, places: Uint32Array.from(stroke.places), slices: stroke.slices });
    this.undone = [];
    this.forget();
    return true;
  }

  /** The slice the change is seen on, or null where there is nothing to take back. */
  undo(): number | null {
    this.end();
    const stroke = this.done.pop();
    if (!stroke) return null;
    this.undone.push(stroke);
    return this.replaceChildren(stroke, stroke.value === 1 ? 0 : 1);
  }

  redo(): number | null {
    const stroke = this.undone.pop();
    if (!stroke) return null;
    this.done.push(stroke);
    return this.replaceChildren(stroke, stroke.value);
  }

  discard(): void {
    this.open = null;
    this.done = [];
    this.undone = [];
    this.forgotten = false;
    this.voxels.set(this.original);
    this.countAll();
    this.revision += 1;
  }

  /** Take back a stroke that was not one, such as the first finger of a pinch. */
  abandon(): void {
    const stroke = this.open;
    this.open = null;
    if (stroke) this.replaceChildren({ ...stroke, places: Uint32Array.from(stroke.places) }, stroke.value === 1 ? 0 : 1);
  }

  private replaceChildren(stroke: Stroke, value: 0 | 1): number {
    for (const place of stroke.places) this.set(place, value);
    this.revision += 1;
    return stroke.slices[0] === stroke.slices[1] ? stroke.slices[0] : Math.round((stroke.slices[0] + stroke.slices[1]) / 2);
  }

  private set(place: number, value: 0 | 1): void {
    this.voxels[place] = value;
    const slice = Math.floor(place / (this.grid.dims[0] * this.grid.dims[1]));
    this.inside[slice] = (this.inside[slice] ?? 0) + (value ? 1 : -1);
  }

  private countAll(): void {
    const size = this.grid.dims[0] * this.grid.dims[1];
    for (let slice = 0, place = 0; slice < this.inside.length; slice += 1) {
      let inside = 0;
      for (const end = place + size; place < end; place += 1) if (this.voxels[place]) inside += 1;
      this.inside[slice] = inside;
    }
  }

  private forget(): void {
    let remembered = this.done.reduce((sum, stroke) => sum + stroke.places.length, 0);
    while (remembered > MOST_REMEMBERED && this.done.length > 1) {
      remembered -= this.done.shift()?.places.length ?? 0;
      this.forgotten = true;
    }
  }
}

/** The distance of a point from a straight line between two places. */
function toSegment(x0: number, y0: number, x1: number, y1: number): (x: number, y: number) => number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  return (x, y) => {
    const along = length ? Math.min(Math.max(((x - x0) * dx + (y - y0) * dy) / length, 0), 1) : 0;
    return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
  };
}
