import assert from "node:assert/strict";
import { test } from "node:test";
import { acquiredPlane, clampVoxel, gridOf, patientPlace, thinned, threePlanes, type Voxel } from "../../src/viewport/geometry";
import { picked } from "../../src/viewport/volume";
import { paneAt, panesOf, panned, toScreen, toVoxel, wholeView, zoomed } from "../../src/viewport/panes";

const DIMS: Voxel = [20, 30, 10];
/** Columns, rows and slices to RAS+ mm, as readers store scans of each plane. */
const AXIAL = [[-1, 0, 0, 10], [0, -1, 0, 20], [0, 0, 3, -30], [0, 0, 0, 1]];
const CORONAL = [[-1, 0, 0, 0], [0, 0, -4, 0], [0, -1, 0, 0], [0, 0, 0, 1]];
const SAGITTAL = [[0, 0, 5, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]];

test("the letters of an acquired plane are those a radiologist expects", () => {
  const letters = [AXIAL, CORONAL, SAGITTAL].map((affine) => {
    const { letters: found, title } = acquiredPlane(gridOf(DIMS, affine));
    return [title, found?.left, found?.right, found?.top, found?.bottom].join(" ");
  });
  assert.deepEqual(letters, ["Axial R L A P", "Coronal R L S I", "Sagittal A P S I"]);
});

test("letters follow the affine, not the assumption: a scan stored the other way round says so", () => {
  const mirrored = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
  assert.deepEqual(acquiredPlane(gridOf(DIMS, mirrored)).letters, { left: "L", right: "R", top: "P", bottom: "A" });
});

test("without an affine there are no letters, and voxels are square", () => {
  const grid = gridOf(DIMS, null);
  assert.equal(acquiredPlane(grid).letters, null);
  assert.deepEqual([grid.known, grid.spacing], [false, [1, 1, 1]]);
  assert.equal(patientPlace(grid, [1, 2, 3]), null);
});

test("column 0 is left and row 0 on top, whatever the plane", () => {
  for (const affine of [AXIAL, CORONAL, SAGITTAL, null]) {
    const grid = gridOf(DIMS, affine);
    const pane = panesOf(grid, "acquired", 400, 400, wholeView(grid))[0];
    assert.ok(pane);
    const corner = toScreen(pane, [0, 0, 4]);
    const far = toScreen(pane, [19, 29, 4]);
    assert.ok(corner.x < far.x && corner.y < far.y);
  }
});

test("planes across the slices stand head up, right on the left, anterior on the left", () => {
  for (const affine of [AXIAL, CORONAL, SAGITTAL]) {
    const grid = gridOf(DIMS, affine);
    const found = new Map(threePlanes(grid).map(({ title, letters }) => [title, Object.values(letters ?? {}).join("")]));
    assert.deepEqual(Object.fromEntries(found), { Axial: "RLAP", Coronal: "RLSI", Sagittal: "APSI" });
  }
});

test("what the letters say is where the patient's side is, in every pane, oblique scans too", () => {
  const turned = (angle: number, affine: number[][]): number[][] => {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [x, y, z] = affine as [number[], number[], number[]];
    const mixed = y.map((value, column) => c * value - s * (z[column] ?? 0));
    return [x, mixed, y.map((value, column) => s * value + c * (z[column] ?? 0)), [0, 0, 0, 1]];
  };
  const signs: Record<string, [number, number]> = { R: [0, 1], L: [0, -1], A: [1, 1], P: [1, -1], S: [2, 1], I: [2, -1] };
  for (const affine of [AXIAL, CORONAL, SAGITTAL, turned(0.5, AXIAL), turned(-0.6, SAGITTAL)]) {
    const grid = gridOf(DIMS, affine);
    for (const pane of panesOf(grid, "multiplanar", 900, 500, wholeView(grid))) {
      const { rect, plane } = pane;
      const [x, y] = [rect.x + rect.width / 2, rect.y + rect.height / 2];
      const at = (dx: number, dy: number): Voxel => patientPlace(grid, toVoxel(pane, x + dx, y + dy, 3)) as Voxel;
      const moved = { left: [-9, 0], right: [9, 0], top: [0, -9], bottom: [0, 9] } as const;
      for (const [side, [dx, dy]] of Object.entries(moved)) {
        const [axis, sign] = signs[plane.letters?.[side as "left"] ?? ""] as [0 | 1 | 2, number];
        assert.ok((at(dx, dy)[axis] - at(0, 0)[axis]) * sign > 0, `${plane.title} ${side}`);
      }
    }
  }
});

test("screen and voxels are each other's inverse, also zoomed and moved", () => {
  const grid = gridOf(DIMS, SAGITTAL);
  const first = panesOf(grid, "multiplanar", 800, 500, wholeView(grid));
  let view = zoomed(wholeView(grid), first[1] as (typeof first)[0], 700, 100, 2.5);
  view = panned(view, first[0] as (typeof first)[0], 13, -7, grid);
  for (const pane of panesOf(grid, "multiplanar", 800, 500, view)) {
    const voxel: Voxel = [3.25, 17.5, 6];
    const { x, y } = toScreen(pane, voxel);
    toVoxel(pane, x, y, voxel[pane.plane.normal]).forEach((value, axis) => assert.ok(Math.abs(value - (voxel[axis] as number)) < 1e-9));
  }
});

test("a millimeter is as long across as down", () => {
  const grid = gridOf(DIMS, AXIAL);
  for (const { acrossScale, downScale, plane } of panesOf(grid, "multiplanar", 900, 600, wholeView(grid))) {
    assert.ok(Math.abs(Math.abs(acrossScale) / grid.spacing[plane.across] - Math.abs(downScale) / grid.spacing[plane.down]) < 1e-9);
  }
});

test("zooming keeps what is under the pointer under it", () => {
  const grid = gridOf(DIMS, AXIAL);
  const view = wholeView(grid);
  const before = panesOf(grid, "acquired", 500, 400, view)[0];
  assert.ok(before);
  const under = toVoxel(before, 123, 234, 5);
  const after = panesOf(grid, "acquired", 500, 400, zoomed(view, before, 123, 234, 3))[0];
  assert.ok(after);
  const { x, y } = toScreen(after, under);
  assert.ok(Math.abs(x - 123) < 1e-9 && Math.abs(y - 234) < 1e-9);
});

test("panes fill the area without overlapping, lying or upright", () => {
  const grid = gridOf(DIMS, AXIAL);
  for (const [width, height] of [[900, 500], [500, 900]] as const) {
    const panes = panesOf(grid, "multiplanar", width, height, wholeView(grid));
    assert.equal(panes.length, 3);
    const area = panes.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);
    assert.ok(area <= width * height && area > 0.98 * width * height);
    for (const pane of panes) assert.equal(paneAt(panes, pane.rect.x + 1, pane.rect.y + 1), pane);
  }
  assert.equal(panesOf(grid, "volume", 900, 500, wholeView(grid)).length, 0);
});

test("a place outside is brought to the nearest voxel", () => {
  assert.deepEqual(clampVoxel(gridOf(DIMS, null), [-4, 29.6, 4.4]), [0, 29, 4]);
});

test("a thinned grid is the same place, halved where it is finest, and its voxels are the scan's own", () => {
  const grid = gridOf([64, 48, 9], [[-0.5, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]]);
  const thin = thinned(grid, 2000);
  assert.deepEqual([thin.dims, thin.spacing], [[16, 12, 9], [2, 2, 3]]);
  assert.equal(thinned(grid, 64 * 48 * 9), grid);
  const voxels = Int32Array.from({ length: 64 * 48 * 9 }, (_, place) => place);
  const few = picked(voxels, grid.dims, thin.dims);
  assert.equal(few.length, 16 * 12 * 9);
  assert.equal(few[3 + 16 * (5 + 12 * 7)], 12 + 64 * (20 + 48 * 7));
  assert.equal(picked(voxels, grid.dims, grid.dims), voxels);
});
