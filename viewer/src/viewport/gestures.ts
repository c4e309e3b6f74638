/** Mouse, pen and fingers on the images, as what they mean: a drag, a pinch, a swipe, a turn of the wheel. */

import { WheelSteps } from "./wheel";

export interface Spot {
  x: number;
  y: number;
}

export type Button = "main" | "middle" | "right";

export interface Drag {
  /** Every place the pointer passed, the last one first seen now. */
  move(spots: readonly Spot[]): void;
  end(): void;
  /** It was not a drag: a second finger came. */
  cancel(): void;
}

export interface GestureActions {
  /** What a drag that begins here does; null if nothing. */
  drag(spot: Spot, button: Button, event: PointerEvent): Drag | null;
  hover(spot: Spot | null): void;
  /** From one state of two fingers to the next. */
  pinch(middle: Spot, moved: Spot, factor: number): void;
  wheel(spot: Spot, steps: number): void;
  zoom(spot: Spot, factor: number): void;
  doubled(spot: Spot): void;
}

export function listen(element: HTMLElement, actions: GestureActions, signal: AbortSignal): void {
  const fingers = new Map<number, Spot>();
  let drag: Drag | null = null;
  let dragging: number | null = null;
  let pinched = false;
  const turning = new WheelSteps();

  const spotOf = (event: { clientX: number; clientY: number }): Spot => {
    const { left, top } = element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const stop = (way: "end" | "cancel"): void => {
    drag?.[way]();
    drag = null;
    dragging = null;
  };

  element.addEventListener("pointerdown", (event) => {
    element.focus({ preventScroll: true });
    const spot = spotOf(event);
    if (event.pointerType === "touch") {
      fingers.set(event.pointerId, spot);
      if (fingers.size > 1) {
        stop("cancel");
        pinched = true;
        return;
      }
    }
    if (drag) return;
    const button = event.button === 0 || event.button === 5 ? "main" : event.button === 1 ? "middle" : event.button === 2 ? "right" : null;
    if (!button) return;
    event.preventDefault();
    drag = actions.drag(spot, button, event);
    dragging = drag ? event.pointerId : null;
    if (drag) element.setPointerCapture(event.pointerId);
  }, { signal });

  element.addEventListener("pointermove", (event) => {
    const spot = spotOf(event);
    if (event.pointerType === "touch" && fingers.has(event.pointerId)) {
      const before = [...fingers.values()];
      fingers.set(event.pointerId, spot);
      if (before.length > 1) {
        const after = [...fingers.values()];
        pinchOf(before, after, actions);
        return;
      }
    }
    if (event.pointerType !== "touch") actions.hover(spot);
    if (!drag || dragging !== event.pointerId) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    drag.move(passed.length ? passed.map(spotOf) : [spot]);
  }, { signal });

  const up = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
    if (dragging === event.pointerId) stop(event.type === "pointerup" ? "end" : "cancel");
    if (!fingers.size) pinched = false;
    if (event.pointerType === "touch" && !pinched) actions.hover(null);
  };
  element.addEventListener("pointerup", up, { signal });
  element.addEventListener("pointercancel", up, { signal });
  element.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch" && !drag) actions.hover(null);
  }, { signal });
  element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  element.addEventListener("dblclick", (event) => actions.doubled(spotOf(event)), { signal });

  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    // A stroke stays on the slice it began on.
    if (drag) return;
    const spot = spotOf(event);
    if (event.ctrlKey || event.metaKey) {
      actions.zoom(spot, Math.exp(-(event.deltaMode ? event.deltaY * 16 : event.deltaY) / 240));
      return;
    }
    const steps = turning.of(event);
    if (steps) actions.wheel(spot, steps);
  }, { signal, passive: false });
}

function pinchOf(before: Spot[], after: Spot[], actions: GestureActions): void {
  const [a0, b0, a1, b1] = [before[0], before[1], after[0], after[1]];
  if (!a0 || !b0 || !a1 || !b1) return;
  const middle = (one: Spot, other: Spot): Spot => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
  const [m0, m1] = [middle(a0, b0), middle(a1, b1)];
  const apart = Math.hypot(b0.x - a0.x, b0.y - a0.y);
  const factor = apart > 8 ? Math.hypot(b1.x - a1.x, b1.y - a1.y) / apart : 1;
  actions.pinch(m1, { x: m1.x - m0.x, y: m1.y - m0.y }, factor);
}
