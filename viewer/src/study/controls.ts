/** Small controls of the bars around the images. Arrow keys stay with the images, so these are plain buttons. */

import { h, setText } from "../dom";
import { icon, type IconName } from "../icons";

export interface Choice<T extends string> {
  value: T;
  words: string;
  /** Longer, for screen readers and as a hint. */
  hint?: string;
  key?: string;
}

export interface Chooser<T extends string> {
  element: HTMLElement;
  value: T;
  set(value: T): void;
  enable(value: T, enabled: boolean): void;
  enabled(value: T): boolean;
}

/** One of a few, side by side. */
export function chooser<T extends string>(label: string, choices: Choice<T>[], first: T, chosen: (value: T) => void): Chooser<T> {
  const buttons = new Map<T, HTMLButtonElement>();
  const element = h("div", { class: "chooser", role: "group", "aria-label": label });
  for (const { value, words, hint, key } of choices) {
    const title = [hint ?? words, key ? `(${key})` : ""].join(" ").trim();
    const button = h("button", { type: "button", title, "aria-keyshortcuts": key, on: { click: () => { control.set(value); chosen(value); } } }, words);
    if (hint) button.setAttribute("aria-label", hint);
    buttons.set(value, button);
    element.append(button);
  }
  const control: Chooser<T> = {
    element,
    value: first,
    set(value) {
      control.value = value;
      for (const [each, button] of buttons) button.setAttribute("aria-pressed", String(each === value));
    },
    enable(value, enabled) {
      const button = buttons.get(value);
      if (button) button.disabled = !enabled;
    },
    enabled: (value) => buttons.get(value)?.disabled === false,
  };
  control.set(first);
  return control;
}

export interface Slider {
  element: HTMLElement;
  set(value: number): void;
  enable(enabled: boolean): void;
}

/** A share from 0 to 100, or whatever the limits say. */
export function slider(
  label: string,
  options: { min?: number; max?: number; value: number; unit?: string; shown?: boolean },
  moved: (value: number) => void,
): Slider {
  const text = (value: number): string => `${value}${options.unit ?? " %"}`;
  const output = h("output", {}, text(options.value));
  const input = h("input", {
    type: "range", min: options.min ?? 0, max: options.max ?? 100, value: options.value, "aria-label": label, title: label,
    on: { input: () => { setText(output, text(input.valueAsNumber)); input.setAttribute("aria-valuetext", output.textContent ?? ""); moved(input.valueAsNumber); } },
  });
  const words = options.shown === false ? null : h("span", { class: "slider-label", "aria-hidden": "true" }, label);
  const element = h("div", { class: "slider" }, words, input, output);
  return {
    element,
    set(value) {
      input.value = String(value);
      setText(output, text(value));
    },
    enable(enabled) {
      input.disabled = !enabled;
      element.classList.toggle("disabled", !enabled);
    },
  };
}

export function toolButton(mark: IconName, words: string, key: string, act: () => void): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "tool", title: `${words} (${key})`, "aria-label": words, "aria-keyshortcuts": key, on: { click: act } },
    icon(mark),
    h("span", { class: "tool-words", "aria-hidden": "true" }, words),
  );
}
