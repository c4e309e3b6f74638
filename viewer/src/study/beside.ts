/** A second sequence beside the first: the same slices, the same mask, moved together. */

import { h, setText } from "../dom";
import { tellError } from "../messages";
import type { Layout, Viewport } from "../viewport/api";
import { sequenceLongText, sequenceText } from "../wording";
import type { View } from "./toolbar";

export interface Beside {
  /** The choice, for the bar above the images; null where there is one sequence only. */
  choice: HTMLElement | null;
  /** Take the first viewport over, and show beside it what the view says. */
  attach(viewport: Viewport, place: HTMLElement): void;
  layout(layout: Layout): void;
  /** The first viewport shows this sequence now. */
  sequence(name: string): void;
  /** Show the next sequence beside the first, or none. */
  toggle(): void;
  destroy(): void;
}

const NONE = "";

export function secondSequence(sequences: string[], view: View): Beside {
  let first: Viewport | undefined;
  let second: Viewport | undefined;
  let place: HTMLElement | undefined;
  let turn = 0;
  const element = h("div", { class: "viewport second" });
  const [firstName, secondName] = [h("span", { class: "pane-name" }), h("span", { class: "pane-name" })];
  const select = h(
    "select",
    { "aria-label": "Second sequence, beside the first", title: "Second sequence, beside the first (s)", on: { change: () => void show(select.value) } },
    h("option", { value: NONE }, "none"),
    ...sequences.map((value) => h("option", { value }, sequenceText(value))),
  );

  async function show(name: string): Promise<void> {
    const mine = (turn += 1);
    view.beside = select.value = sequences.includes(name) ? name : NONE;
    if (!first || !place) return;
    if (view.beside === NONE) return close();
    try {
      if (second) {
        second.setSequence(view.beside);
      } else {
        arrange();
        const made = await first.companion({ element, sequence: view.beside, label: "Images of the second sequence" });
        if (mine !== turn) return made.destroy();
        second = made;
        element.append(secondName);
        element.dataset["ready"] = "true";
      }
      setText(secondName, sequenceLongText(view.beside));
    } catch (error) {
      if (mine !== turn) return;
      tellError(error);
      view.beside = select.value = NONE;
      close();
    }
    arrange();
  }

  function close(): void {
    second?.destroy();
    second = undefined;
    secondName.remove();
    delete element.dataset["ready"];
    arrange();
  }

  function arrange(): void {
    const shown = view.beside !== NONE && view.layout !== "volume";
    firstName.hidden = !shown;
    if (!shown) element.remove();
    else if (!element.isConnected) place?.append(element);
    place?.classList.toggle("pair", shown);
  }

  return {
    choice: sequences.length > 1 ? h("label", { class: "beside" }, h("span", { class: "bar-label" }, "beside"), select) : null,
    attach(viewport, at) {
      first = viewport;
      place = at;
      at.querySelector(".viewport")?.append(firstName);
      setText(firstName, sequenceLongText(view.sequence));
      void show(view.beside);
    },
    layout: arrange,
    sequence: (name) => setText(firstName, sequenceLongText(name)),
    toggle() {
      const others = sequences.filter((name) => name !== view.sequence);
      const next = view.beside === NONE ? others[0] : others[others.indexOf(view.beside) + 1];
      void show(next ?? NONE);
    },
    destroy() {
      turn += 1;
      second?.destroy();
    },
  };
}
