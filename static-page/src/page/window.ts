/** Brightness and contrast of what is shown; findings do not depend on them. */

import { h } from "../../../viewer/src/dom";

/** Gray levels that are shown black and white, of 0 to 255. */
export interface Window {
  readonly low: number;
  readonly high: number;
}

export const AUTOMATIC: Window = { low: 0, high: 255 };
const MOST = 100;
const NARROWEST = 0.05;

/** Two sliders, from -100 to 100, in a part that opens. */
export function windowControls(changed: (chosen: Window) => void): HTMLElement {
  const slider = (): HTMLInputElement => h("input", { type: "range", min: -MOST, max: MOST, value: 0, on: { input: () => apply() } });
  const [brightness, contrast] = [slider(), slider()];
  const apply = (): void => changed(windowOf(Number(brightness.value) / MOST, Number(contrast.value) / MOST));
  const reset = (): void => {
    brightness.value = contrast.value = "0";
    apply();
  };
  return h(
    "details",
    { class: "window" },
    h("summary", {}, "Brightness and contrast"),
    h("label", {}, "Brightness", brightness),
    h("label", {}, "Contrast", contrast),
    h("button", { type: "button", class: "button", on: { click: reset } }, "Reset"),
  );
}

/**
 * @param brightness from -1, all black, to 1, all white
 * @param contrast from -1, four times the automatic width, to 1, a twentieth of it
 */
export function windowOf(brightness: number, contrast: number): Window {
  const width = 255 * (contrast < 0 ? 4 ** -contrast : 1 - contrast * (1 - NARROWEST));
  const center = 127.5 - (brightness * (255 + width)) / 2;
  return { low: center - width / 2, high: center + width / 2 };
}
