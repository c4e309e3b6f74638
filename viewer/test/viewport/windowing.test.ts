import assert from "node:assert/strict";
import { test } from "node:test";
import { Volume } from "../../src/viewport/volume";
import { autoWindow, dragged, grayer, sound, valueText } from "../../src/viewport/windowing";

function volumeOf(voxels: Uint8Array | Int16Array | Float32Array, slope = 1, intercept = 0): Volume {
  return new Volume("t1", { dims: [voxels.length / 10, 10, 1], voxels, slope, intercept, head: new Uint8Array(352) });
}

test("the window leaves out one voxel in a hundred below and one in two hundred above", () => {
  const volume = volumeOf(Int16Array.from({ length: 1000 }, (_, place) => place));
  assert.deepEqual(autoWindow(volume), { low: 10, high: 994 });
});

test("the zeros around an extracted brain are not counted, wherever they are among the values", () => {
  const brain = Int16Array.from({ length: 1000 }, (_, place) => 100 + place);
  const alone = autoWindow(volumeOf(brain));
  assert.deepEqual(autoWindow(volumeOf(Int16Array.from([...new Int16Array(3000), ...brain]))), alone);
  const standardized = brain.map((value) => value - 600);
  const [low, high] = [autoWindow(volumeOf(standardized)).low, autoWindow(volumeOf(standardized)).high];
  const around = autoWindow(volumeOf(Int16Array.from([...new Int16Array(3000), ...standardized])));
  assert.ok(Math.abs(around.low - low) <= 1 && Math.abs(around.high - high) <= 1);
});

test("a scan of two values shows both", () => {
  assert.deepEqual(autoWindow(volumeOf(Uint8Array.from({ length: 1000 }, (_, place) => (place % 2 ? 200 : 0)))), { low: 0, high: 200 });
});

test("a scan of one value has a window all the same", () => {
  const { low, high } = autoWindow(volumeOf(new Uint8Array(100).fill(9)));
  assert.ok(high > low);
  assert.deepEqual(autoWindow(volumeOf(new Float32Array(100).fill(NaN))), { low: 0, high: 1 });
});

test("low is black, high is white, the middle is gray, in intensities and not in stored values", () => {
  const gray = grayer(volumeOf(Int16Array.from({ length: 10 }, (_, place) => place), 2, 100), { low: 104, high: 114 });
  assert.deepEqual([0, 2, 7, 9].map(gray), [0, 0, 255, 255]);
  assert.ok(Math.abs(gray(4.5) - 128) <= 1);
});

test("dragging right widens about the same level, dragging down raises it, and a window always stays one", () => {
  const volume = volumeOf(Int16Array.from({ length: 1000 }, (_, place) => place));
  const from = { low: 200, high: 400 };
  const wider = dragged(from, volume, 100, 0);
  assert.ok(wider.high - wider.low > 200);
  assert.ok(Math.abs((wider.high + wider.low) / 2 - 300) < 1e-9);
  const narrow = dragged(from, volume, -100_000, 0);
  assert.ok(narrow.high > narrow.low);
  const higher = dragged(from, volume, 0, 50);
  assert.ok((higher.high + higher.low) / 2 > 300);
});

test("a window the wrong way round or without width is made sound", () => {
  const volume = volumeOf(Int16Array.from({ length: 1000 }, (_, place) => place));
  for (const window of [{ low: 5, high: 5 }, { low: 9, high: 1 }]) {
    const { low, high } = sound(window, volume);
    assert.ok(high > low);
  }
});

test("values are read as they are stored: whole ones whole", () => {
  assert.equal(valueText(12, volumeOf(Uint8Array.from({ length: 10 }, (_, place) => place))), "12");
  assert.equal(valueText(0.12345, volumeOf(Float32Array.from({ length: 10 }, (_, place) => place / 10))), "0.1235");
  assert.equal(valueText(NaN, volumeOf(new Uint8Array(10))), "–");
});
