/** The parts of the editing row beyond brush size and undo: the threshold of the brush, and slices between drawn ones. */

import { confirmed } from "../dialogs";
import { h } from "../dom";
import { explain } from "../explain";
import { icon } from "../icons";
import { tell } from "../messages";
import type { Viewport } from "../viewport/api";
import { capital, countText, type NumberedSlices, sliceNumber, sliceRangeText } from "../wording";

export interface EditingExtras {
  elements: HTMLElement[];
  attach(viewport: Viewport): void;
  /** The threshold is for the brush and the eraser only. */
  show(draws: boolean): void;
  /** Another sequence has other intensities. */
  refresh(): void;
  toggleThreshold(): void;
  between(): Promise<void>;
}

export function editingExtras(numbered: NumberedSlices): EditingExtras {
  let viewport: Viewport | undefined;
  const only = h("input", { type: "checkbox", on: { change: () => apply() } });
  const low = number("Darkest intensity that the brush changes");
  const high = number("Brightest intensity that the brush changes");
  const range = h("span", { class: "threshold-range", hidden: true }, low, "to", high);
  const threshold = h(
    "div",
    { class: "threshold", title: "The brush changes only voxels of these intensities (t)" },
    h("label", { class: "check" }, only, "Only intensities"),
    explain("threshold"),
    range,
  );
  const fill = h(
    "button",
    { type: "button", class: "button", title: "Fill the slices between two drawn ones (i)", on: { click: () => void between() } },
    icon("layers"),
    "Interpolate slices",
  );

  function number(label: string): HTMLInputElement {
    return h("input", { type: "number", step: "any", "aria-label": label, on: { change: () => apply() } });
  }

  function apply(): void {
    const [from, to] = [low.valueAsNumber, high.valueAsNumber];
    const sound = Number.isFinite(from) && Number.isFinite(to);
    viewport?.setThreshold(only.checked, sound && !range.hidden ? { low: Math.min(from, to), high: Math.max(from, to) } : undefined);
    refresh();
  }

  function refresh(): void {
    range.hidden = !only.checked;
    if (!viewport || !only.checked) return;
    const found = viewport.getThreshold();
    low.value = short(found.low);
    high.value = short(found.high);
  }

  async function between(): Promise<void> {
    let done = viewport?.fillBetween(false);
    if (done?.kind === "apart") {
      const sure = await confirmed({
        title: "Interpolate between contours that do not overlap?",
        text: `The contours on slices ${sliceNumber(numbered, done.below)} and ${sliceNumber(numbered, done.above)} do not overlap. Nothing shows what lies between them: a contour that moves from one to the other would be invented.`,
        action: "Move the contour",
      });
      done = sure ? viewport?.fillBetween(true) : undefined;
    }
    if (done?.kind === "none") tell("Nothing to interpolate here: draw on two slices with empty ones between them, and go to one of these.");
    else if (done?.kind === "done" && !done.voxels) tell("Nothing lies between the two contours.");
    else if (done?.kind === "done") {
      const [first, last] = [done.slices[0] ?? 0, done.slices.at(-1) ?? 0];
      const where = `${capital(sliceRangeText(numbered, first, last))} ${first === last ? "was" : "were"}`;
      tell(`${where} interpolated between ${sliceNumber(numbered, done.below)} and ${sliceNumber(numbered, done.above)}: ${countText(done.voxels, "voxel")} that nobody drew. Check them.`);
    }
  }

  return {
    elements: [threshold, fill],
    attach(made) {
      viewport = made;
      apply();
    },
    show(draws) {
      threshold.classList.toggle("disabled", !draws);
      for (const each of [only, low, high]) each.disabled = !draws;
    },
    refresh,
    toggleThreshold() {
      only.checked = !only.checked;
      apply();
    },
    between,
  };
}

/** Four significant digits are more than a gray level can be told by. */
function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
