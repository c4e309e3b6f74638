/** The presence probability of every slice, as bars; a click goes to the slice. */

import { h } from "../../../viewer/src/dom";
import { COUNTED, probabilityText, sliceNumber } from "../../../viewer/src/wording";

export function strip(probabilities: readonly number[], operatingPoint: number, chosen: number, go: (index: number) => void): HTMLElement {
  const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
  const bars = probabilities.map((value, index) =>
    h("button", {
      type: "button",
      class: value >= operatingPoint ? "slice-bar positive" : "slice-bar",
      tabindex: -1, // the slider is the way of the keyboard
      "aria-label": `Slice ${sliceNumber(COUNTED, index)}, presence probability ${probabilityText(value)}`,
      "aria-current": index === chosen ? "true" : null,
      title: `Slice ${sliceNumber(COUNTED, index)}: ${probabilityText(value)}`,
      vars: { "--share": percent(value) },
      on: { click: () => go(index) },
    }),
  );
  return h("div", { class: "strip", role: "group", "aria-label": "Presence probability by slice", vars: { "--mark": percent(operatingPoint) } }, ...bars);
}
