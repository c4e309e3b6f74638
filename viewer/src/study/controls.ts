/** Small controls of the bars around the images. Arrow keys stay with the images, so these are plain buttons. */

import { type Child, h, type Props, setText } from "../dom";
import { icon, type IconName } from "../icons";
import { tell } from "../messages";

/** A button that can be grayed out with a reason. It keeps the focus and answers a click with it: keys and touch reach it, too. */
export class ReasoningButton {
  readonly element: HTMLButtonElement;
  /** Why it is grayed out, in a sentence; null where it is not. */
  refusal: string | null = null;

  constructor(private readonly title: string, props: Props, act: () => void, ...content: Child[]) {
    const press = (): void => (this.refusal === null ? act() : tell(this.refusal));
    this.element = h("button", { type: "button", title, on: { click: press }, ...props }, ...content);
  }

  refuse(reason: string | null): void {
    this.refusal = reason;
    this.element.title = reason ?? this.title;
    if (reason === null) this.element.removeAttribute("aria-disabled");
    else this.element.setAttribute("aria-disabled", "true");
  }
}

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
  /** Gray a choice out and say why, in a sentence; null offers it again. */
  refuse(value: T, reason: string | null): void;
  /** Why a choice is grayed out. */
  refusal(value: T): string | null;
}

/** One of a few, side by side. */
export function chooser<T extends string>(label: string, choices: Choice<T>[], first: T, chosen: (value: T) => void): Chooser<T> {
  const buttons = new Map<T, ReasoningButton>();
  const choose = (value: T): void => {
    control.set(value);
    chosen(value);
  };
  const element = h("div", { class: "chooser", role: "group", "aria-label": label });
  for (const { value, words, hint, key } of choices) {
    const title = [hint ?? words, key ? `(${key})` : ""].join(" ").trim();
    const button = new ReasoningButton(title, { "aria-label": hint, "aria-keyshortcuts": key }, () => choose(value), words);
    buttons.set(value, button);
    element.append(button.element);
  }
  const control: Chooser<T> = {
    element,
    value: first,
    set(value) {
      control.value = value;
      for (const [each, { element: button }] of buttons) button.setAttribute("aria-pressed", String(each === value));
    },
    refuse: (value, reason) => buttons.get(value)?.refuse(reason),
    refusal: (value) => buttons.get(value)?.refusal ?? null,
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

export function toolButton(mark: IconName, words: string, key: string, act: () => void): ReasoningButton {
  return new ReasoningButton(
    `${words} (${key})`,
    { class: "tool", "aria-label": words, "aria-keyshortcuts": key },
    act,
    icon(mark),
    h("span", { class: "tool-words", "aria-hidden": "true" }, words),
  );
}
