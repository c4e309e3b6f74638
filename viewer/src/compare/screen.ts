/** Two studies side by side, scrolled together. */

import { h, replaceChildren, setText } from "../dom";
import { explainText } from "../explain";
import { icon } from "../icons";
import type { Screen } from "../screen";
import { chooser } from "../study/controls";
import type { MaskMode, View } from "../viewport/api";
import { slicePressed } from "../viewport/keys";
import { capital, numberText } from "../wording";
import { linkOf, type Link } from "./link";
import { load, Side, type Loaded } from "./side";

const HOW = {
  mm: ["by position", "Both studies say where their slices are, so slices at the same position along the scanner's axis are shown together. A patient's position differs from visit to visit: to correct for that, turn the link off, bring both to the same level, and turn it on again."],
  share: ["by share of the stack", "The slices' positions cannot be compared: one of the studies does not state them, their planes differ, or they hardly overlap. So the same share of both stacks is shown together, such as the middle of both. To correct for that, turn the link off, bring both to the same level, and turn it on again."],
} as const;

export function compareScreen(first: string, second: string): Screen {
  let over = false;
  let sides: [Side, Side] | undefined;
  let link: Link | undefined;
  let linked = true;
  let offset = 0;
  let following = false;

  const title = h("h1", { class: "study-name" }, "Comparison");
  const back = h("a", { class: "button quiet", href: `#/studies/${encodeURIComponent(first)}` }, icon("back"), "Study");
  const toggle = h("button", { type: "button", class: "button", "aria-pressed": "true", title: "Scroll both together (k)", on: { click: () => setLinked(!linked) } }, icon("link"), "Linked");
  const how = h("span", { class: "link-how", role: "status" });
  const masks = chooser<MaskMode>(
    "Segmentation of the tumor",
    [{ value: "contour", words: "Contour", key: "o" }, { value: "fill", words: "Fill", key: "o" }, { value: "off", words: "Off", hint: "No segmentation", key: "o" }],
    "contour",
    (mode) => sides?.forEach((side) => side.setMask(mode)),
  );
  const notes = h("div", { class: "compare-notes" });
  const pair = h("div", { class: "compare-pair" });
  const viewbar = h("div", { class: "viewbar" }, toggle, how, h("div", { class: "bar-group" }, h("span", { class: "bar-label", "aria-hidden": "true" }, "Mask"), masks.element), notes);
  const element = h("div", { class: "compare" }, viewbar, pair);

  async function open(): Promise<void> {
    try {
      const loaded = await Promise.all([load(first), load(second)]);
      if (!over) await show(inOrder(loaded));
    } catch (error) {
      if (!over) gone(error);
    }
  }

  function gone(error: unknown): void {
    viewbar.hidden = true;
    replaceChildren(pair, h("div", { class: "gone" }, h("h2", {}, "These studies cannot be compared"), h("p", {}, capital(error instanceof Error ? error.message : String(error))), h("a", { class: "button", href: "#/" }, "To the work list")));
  }

  async function show(loaded: [Loaded, Loaded]): Promise<void> {
    link = linkOf(loaded[0].analysis.geometry, loaded[1].analysis.geometry);
    sides = ([0, 1] as const).map((at) => new Side(loaded[at], at === 0 ? "first study" : "second study", {
      slice: (index) => followed(at, (other) => other.viewport?.setSlice(link?.follow(at, index, offset) ?? 0)),
      view: (view) => followed(at, (other) => other.viewport?.setView(moved(view, loaded[at], other.loaded))),
      sequence: (name) => { if (linked) sides?.[at === 0 ? 1 : 0].show(name); },
    })) as [Side, Side];
    replaceChildren(pair, ...sides.map((side) => side.element));
    replaceChildren(notes, ...noteParts(loaded));
    document.title = `${loaded[0].study.name} and ${loaded[1].study.name} · Tumorscope`;
    showHow();
    const { analysis } = loaded[1];
    const slice = analysis.lesions[0]?.diameters?.slice ?? analysis.lesions[0]?.largest_slice ?? Math.floor(analysis.slices.length / 2);
    const common = ["flair", "t1c", ...sides[0].sequences].find((name) => sides?.every((side) => side.sequences.includes(name)));
    // One after the other: the second is what is looked at, and the first follows it.
    await Promise.all(sides.map((side, at) => side.open(common ?? side.sequences[0] ?? "", at === 1 ? slice : (link?.follow(1, slice, 0) ?? 0))));
    if (!over) sides[1].viewport?.focus();
  }

  function followed(from: 0 | 1, act: (other: Side) => void): void {
    const other = sides?.[from === 0 ? 1 : 0];
    if (!linked || following || !other) return;
    following = true;
    act(other);
    following = false;
  }

  function setLinked(on: boolean): void {
    const [one, other] = sides ?? [];
    linked = on;
    toggle.setAttribute("aria-pressed", String(on));
    if (on && link && one?.viewport && other?.viewport) offset = link.offset(one.viewport.slice, other.viewport.slice);
    showHow();
  }

  function showHow(): void {
    if (!link) return;
    const [words, more] = HOW[link.kind];
    const by = !offset || !linked ? "" : link.kind === "mm" ? `, moved by ${numberText(offset, 1)} mm` : ", moved";
    replaceChildren(how, linked ? `${words}${by}` : "scrolled separately", explainText("Scrolled together", more));
  }

  return {
    title: "Comparison · Tumorscope",
    element,
    bar: [back, title],
    keys: [{
      title: "Comparison",
      keys: [
        [["↑", "↓"], "previous, next slice (or the wheel)"],
        [["k"], "scroll both together, or separately"],
        [["o"], "contour, fill, off"],
        [["+", "-", "f"], "zoom in, zoom out, fit"],
      ],
    }],
    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return false;
      const viewport = sides?.[1].viewport;
      const to = viewport && slicePressed(event.key, viewport.slice, sides?.[1].loaded.analysis.slices.length ?? 1);
      if (event.key === "k") setLinked(!linked);
      else if (event.key === "Escape") location.hash = back.hash;
      else if (event.key === "o") {
        masks.set(masks.value === "contour" ? "fill" : masks.value === "fill" ? "off" : "contour");
        sides?.forEach((side) => side.setMask(masks.value));
      } else if (viewport && to !== undefined) viewport.setSlice(to);
      else return false;
      return true;
    },
    shown: () => void open(),
    destroy() {
      over = true;
      sides?.forEach((side) => side.destroy());
    },
  };
}

/** The earlier study first, where both dates are known. */
function inOrder([one, other]: [Loaded, Loaded]): [Loaded, Loaded] {
  const [date, otherDate] = [one.analysis.study_date, other.analysis.study_date];
  return date && otherDate && date > otherDate ? [other, one] : [one, other];
}

/** The same place of the other study: as many mm from the middle of its slices. */
function moved({ center, zoom }: View, from: Loaded, to: Loaded): View {
  const middles = [from, to].map(({ analysis: { geometry: { shape, spacing_mm: mm } } }) => ({
    at: [(shape[2] - 1) / 2, (shape[1] - 1) / 2, (shape[0] - 1) / 2],
    size: mm ? [mm[2], mm[1], mm[0]] : [1, 1, 1],
  }));
  const [one, other] = middles;
  const place = [0, 1, 2].map((axis) => (other?.at[axis] ?? 0) + (((center[axis] ?? 0) - (one?.at[axis] ?? 0)) * (one?.size[axis] ?? 1)) / (other?.size[axis] ?? 1));
  return { center: place as View["center"], zoom };
}

function noteParts([one, other]: [Loaded, Loaded]): HTMLElement[] {
  const [key, otherKey] = [one.analysis.patient_key, other.analysis.patient_key];
  if (key !== null && otherKey !== null && key !== otherKey) return [caution("These studies are of different patients.")];
  const [before, now] = [one.analysis.volume_mm3, other.analysis.volume_mm3];
  const change = before && now !== null ? h("span", {}, `Volume ${numberText(before / 1000, 1)} → ${numberText(now / 1000, 1)} ml (${now >= before ? "+" : "−"}${numberText((100 * Math.abs(now - before)) / before)} %)`) : null;
  const unknown = key === null || otherKey === null ? caution("It is not known whether both are of the same patient.") : null;
  return [change, unknown].filter((each) => each !== null);
}

function caution(text: string): HTMLElement {
  const element = h("span", { class: "caution" }, icon("warning"), h("span", {}));
  setText(element.lastElementChild as Element, text);
  return element;
}
