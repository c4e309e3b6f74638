import assert from "node:assert/strict";
import { test } from "node:test";
import { WheelSteps } from "../../src/viewport/wheel";

const turn = (deltaY: number, deltaMode = 0) => ({ deltaMode, deltaX: 0, deltaY });

test("a notch of a wheel is one slice, however many pixels or lines it is", () => {
  const wheel = new WheelSteps();
  assert.deepEqual([turn(120), turn(-53), turn(3, 1)].map((event) => wheel.of(event)), [1, -1, 1]);
});

test("small strokes of a touchpad add up", () => {
  const wheel = new WheelSteps();
  assert.deepEqual([20, 20, 20, -40].map((delta) => wheel.of(turn(delta))), [0, 1, 1, -1]);
});
