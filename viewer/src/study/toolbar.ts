/** The bar above the images, the tools beside them, and the row for correcting the segmentation. */

import type { Analysis } from "../analysis";
import { h, replaceChildren, setText } from "../dom";
import { explain, explainText } from "../explain";
import { icon } from "../icons";
import { tell } from "../messages";
import type { Layout, MaskMode, Viewport, Tool } from "../viewport/api";
import { draws, edits } from "../viewport/editing/tools";
import { slicePressed } from "../viewport/keys";
import { sequenceLongText, sequenceText, sliceFindingText, sliceOfText } from "../wording";
import { secondSequence } from "./beside";
import { chooser, type ReasoningButton, slider, toolButton } from "./controls";
import { editingExtras } from "./editing";

const CONTOUR_OPACITY = 90;
const FILL_OPACITY = 40;
const BRUSH = { min: 1, max: 40, value: 6 };
const PRESETS: [string, string][] = [
  ["auto", "Auto"],
  ["full", "Full range"],
  ["soft", "Softer"],
  ["hard", "Harder"],
  ["bright", "Brighter"],
  ["dark", "Darker"],
];

const TOOL_KEYS = { n: "navigate", w: "window", r: "ruler", b: "brush", e: "eraser", h: "fill", d: "remove" } as const;
const TASKS: Partial<Record<Tool, string>> = {
  brush: "Draw the mask",
  eraser: "Erase the mask",
  fill: "Click inside a contour",
  remove: "Click on a lesion",
};

/** How things are shown; kept when another version of the same study is opened. */
export interface View {
  layout: Layout;
  sequence: string;
  mask: MaskMode;
  opacity: Record<MaskMode, number>;
  activation: number;
  brush: number;
  tool: Tool;
  /** The sequence beside the first; empty for none. */
  beside: string;
}

export function firstView(sequences: string[]): View {
  return {
    layout: "acquired",
    sequence: sequences.includes("flair") ? "flair" : sequences.includes("t1c") ? "t1c" : (sequences[0] ?? ""),
    mask: "contour",
    opacity: { contour: CONTOUR_OPACITY, fill: FILL_OPACITY, off: 0 },
    activation: 0,
    brush: BRUSH.value,
    tool: "navigate",
    beside: "",
  };
}

export interface EditActions {
  save(): void;
  discard(): void;
}

export interface Toolbar {
  above: HTMLElement;
  /** Which slice it is, over the corner of the images. */
  readout: HTMLElement;
  beside: HTMLElement;
  editing: HTMLElement;
  /** Take a viewport over: show it as the view says. */
  attach(viewport: Viewport, place: HTMLElement): void;
  destroy(): void;
  slice(index: number): void;
  /** Why the volume cannot be shown; null where it can. */
  refuseVolume(reason: string | null): void;
  edited(dirty: boolean): void;
  saving(busy: boolean): void;
  toolChanged(tool: Tool): void;
  /** The sequence shown has this window now. */
  windowed(low: number, high: number): void;
  onKey(event: KeyboardEvent): boolean;
}

export function toolbar(analysis: Analysis, names: string[], view: View, mayEdit: boolean, actions: EditActions): Toolbar {
  let viewport: Viewport | undefined;
  let dirty = false;
  let busy = false;
  let presetting = false;
  /** By sequence, what it was last shown with. */
  const windows = new Map<string, { low: number; high: number; name: string }>();
  const sequences = names.filter((name) => name !== "mask" && name !== "activation");
  const single = analysis.slices.length === 1;

  const layouts = chooser<Layout>(
    "Layout",
    [
      { value: "acquired", words: "Slice", hint: "Slices as acquired", key: "a" },
      { value: "multiplanar", words: "Planes", hint: "Three planes", key: "m" },
      { value: "volume", words: "3D", hint: "Volume", key: "v" },
    ],
    view.layout,
    (layout) => setLayout(layout),
  );
  const choices = chooser<string>(
    "Sequence",
    sequences.map((value, index) => ({ value, words: sequenceText(value), hint: sequenceLongText(value), key: String(index + 1) })),
    view.sequence,
    (sequence) => setSequence(sequence),
  );
  const second = secondSequence(sequences, view);
  const whyFlat = h("span", { class: "why-flat" });
  const preset = h(
    "select",
    { "aria-label": "Window", title: "Window: which intensities are black and white", on: { change: () => { applyPreset(preset.value); viewport?.focus(); } } },
    ...PRESETS.map(([value, words]) => h("option", { value }, words)),
    h("option", { value: "own", hidden: true }, "By hand"),
  );
  const modes = chooser<MaskMode>(
    "Segmentation of the tumor",
    [
      { value: "contour", words: "Contour", key: "o" },
      { value: "fill", words: "Fill", key: "o" },
      { value: "off", words: "Off", hint: "No segmentation", key: "o" },
    ],
    view.mask,
    (mode) => setMask(mode),
  );
  const opacity = slider("Segmentation opacity", { value: view.opacity[view.mask], shown: false }, (value) => {
    view.opacity[view.mask] = value;
    viewport?.setMaskStyle({ mode: view.mask, opacity: value / 100 });
  });
  const hasMap = names.includes("activation");
  const map = slider("Activation map", { value: view.activation, shown: false }, (value) => {
    view.activation = value;
    viewport?.setActivation(value / 100);
  });
  map.enable(hasMap);

  const where = h("span", { class: "where" });
  const whereMore = h("span", { class: "where-more" });
  const above = h(
    "div",
    { class: "viewbar", role: "toolbar", "aria-label": "How the images are shown" },
    single ? null : group("Layout", layouts.element, whyFlat),
    sequences.length > 1 ? group("Sequence", choices.element, ...(second.choice ? [second.choice] : []), explain("sequence")) : null,
    group("Window", preset, explain("window")),
    group("Mask", modes.element, opacity.element, explain("mask")),
    hasMap ? group("Activation", map.element, explain("activation")) : null,
  );
  const readout = h("div", { class: "readout" }, where, whereMore);

  const tools: [Tool, ReasoningButton][] = [
    ["navigate", toolButton("move", "Move", "n", () => setTool("navigate"))],
    ["window", toolButton("contrast", "Window", "w", () => setTool("window"))],
    ["ruler", toolButton("ruler", "Ruler", "r", () => setTool("ruler"))],
    ["brush", toolButton("brush", "Brush", "b", () => setTool("brush"))],
    ["eraser", toolButton("eraser", "Eraser", "e", () => setTool("eraser"))],
    ["fill", toolButton("fill", "Fill", "h", () => setTool("fill"))],
    ["remove", toolButton("remove", "Remove", "d", () => setTool("remove"))],
  ];
  const beside = h("div", { class: "rail", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" }, ...tools.map(([, button]) => button.element));

  const undo = h("button", { type: "button", class: "icon-button", "aria-label": "Undo", title: "Undo (Ctrl+Z)", on: { click: () => { viewport?.undo(); history(); } } }, icon("undo"));
  const redo = h("button", { type: "button", class: "icon-button", "aria-label": "Redo", title: "Redo (Ctrl+Shift+Z)", on: { click: () => { viewport?.redo(); history(); } } }, icon("redo"));
  const size = slider("Brush size", { ...BRUSH, value: view.brush, unit: " px" }, (value) => { view.brush = value; viewport?.setBrush(value); });
  const extras = editingExtras(analysis);
  const discard = h("button", { type: "button", class: "button", on: { click: () => actions.discard() } }, "Discard");
  const save = h("button", { type: "button", class: "button primary", on: { click: () => actions.save() } }, icon("save"), "Save as a new version");
  const words = h("span", { class: "editing-words" });
  const editing = h("div", { class: "editing", role: "toolbar", "aria-label": "Correct the segmentation", hidden: true }, words, size.element, ...extras.elements, undo, redo, h("span", { class: "editing-end" }, discard, save));

  function group(name: string, ...content: HTMLElement[]): HTMLElement {
    // Where space is short, names go that the buttons make plain.
    const spare = name === "Layout" || name === "Sequence" ? " spare" : "";
    return h("div", { class: "bar-group" }, h("span", { class: `bar-label${spare}`, "aria-hidden": "true" }, name), ...content);
  }

  function setLayout(layout: Layout): void {
    view.layout = layout;
    layouts.set(layout);
    viewport?.setLayout(layout);
    second.layout(layout);
    enableTools();
  }

  function refuseVolume(reason: string | null): void {
    layouts.refuse("volume", reason);
    replaceChildren(whyFlat, reason === null ? null : explainText("No 3-D view", reason));
    if (reason !== null && view.layout === "volume") setLayout("multiplanar");
  }

  function setSequence(sequence: string): void {
    choices.set(sequence);
    view.sequence = sequence;
    viewport?.setSequence(sequence);
    second.sequence(sequence);
  }

  function setMask(mode: MaskMode): void {
    view.mask = mode;
    modes.set(mode);
    opacity.set(view.opacity[mode]);
    opacity.enable(mode !== "off");
    viewport?.setMaskStyle({ mode, opacity: view.opacity[mode] / 100 });
  }

  function setTool(tool: Tool): void {
    const reason = refusal(tool);
    if (reason !== null) return tell(reason);
    showTool(tool);
    viewport?.setTool(tool);
    if (edits(tool) && view.mask === "off") setMask("contour");
  }

  /** Why a tool cannot be used now; null where it can. */
  function refusal(tool: Tool): string | null {
    if (edits(tool) && !mayEdit) return "Only the newest version can be corrected. Open it under Versions.";
    if (view.layout === "volume" && tool !== "navigate" && tool !== "window") return "This tool works on slices and planes, not in 3D.";
    return null;
  }

  function showTool(tool: Tool): void {
    view.tool = tool;
    for (const [each, { element }] of tools) element.setAttribute("aria-pressed", String(each === tool));
    showEditing();
  }

  function enableTools(): void {
    readout.dataset["layout"] = view.layout;
    for (const [tool, button] of tools) button.refuse(refusal(tool));
    if (view.layout === "volume" && view.tool !== "window") setTool("navigate");
  }

  function showEditing(): void {
    editing.hidden = !edits(view.tool) && !dirty;
    size.enable(draws(view.tool));
    extras.show(draws(view.tool));
    setText(words, busy ? "Saving…" : dirty ? "Changed, not saved" : (TASKS[view.tool] ?? ""));
    save.disabled = discard.disabled = !dirty || busy;
    save.title = discard.title = dirty ? "" : "Nothing is changed yet";
    history();
  }

  function history(): void {
    const can = viewport?.history() ?? { undo: dirty, redo: dirty };
    undo.disabled = !can.undo || busy;
    redo.disabled = !can.redo || busy;
  }

  function applyPreset(name: string): void {
    if (!viewport) return;
    presetting = true;
    viewport.autoWindow();
    const { low, high, min, max } = viewport.getWindow();
    const width = high - low;
    if (name === "full") viewport.setWindow(min, max);
    else if (name === "soft") viewport.setWindow(low - width * 0.25, high + width * 0.35);
    else if (name === "hard") viewport.setWindow(low + width * 0.15, high - width * 0.25);
    else if (name === "bright") viewport.setWindow(low, high - width * 0.35);
    else if (name === "dark") viewport.setWindow(low, high + width * 0.5);
    presetting = false;
    const chosen = viewport.getWindow();
    windows.set(view.sequence, { low: chosen.low, high: chosen.high, name });
    preset.value = name;
  }

  function slice(index: number): void {
    const finding = analysis.slices[index];
    setText(where, sliceOfText(analysis, index));
    setText(whereMore, sliceFindingText(finding));
    where.title = finding?.name ?? "";
  }

  function nextSize(by: number): void {
    view.brush = Math.min(BRUSH.max, Math.max(BRUSH.min, view.brush + by));
    size.set(view.brush);
    viewport?.setBrush(view.brush);
  }

  // After a click or a touch the keys are the images' again; who came by Tab stays where they are.
  for (const bar of [above, beside, editing]) {
    bar.addEventListener("pointerup", (event) => {
      if ((event.target as Element).closest("button, input")) setTimeout(() => document.querySelector("dialog") ?? viewport?.focus());
    });
  }

  enableTools();
  showTool(view.tool);
  opacity.enable(view.mask !== "off");

  return {
    above,
    readout,
    beside,
    editing,
    attach(made, place) {
      viewport = made;
      refuseVolume(made.volumeProblem);
      if (view.layout !== "acquired") made.setLayout(view.layout);
      setMask(view.mask);
      if (hasMap) made.setActivation(view.activation / 100);
      made.setBrush(view.brush);
      extras.attach(made);
      setTool(mayEdit || !edits(view.tool) ? view.tool : "navigate");
      slice(made.slice);
      second.attach(made, place);
    },
    destroy: second.destroy,
    slice,
    refuseVolume,
    edited(now) {
      dirty = now;
      showEditing();
    },
    saving(now) {
      busy = now;
      showEditing();
    },
    toolChanged: showTool,
    windowed(low, high) {
      if (presetting) return;
      const known = windows.get(view.sequence);
      if (!known) windows.set(view.sequence, { low, high, name: "auto" });
      else if (known.low !== low || known.high !== high) windows.set(view.sequence, { low, high, name: "own" });
      preset.value = windows.get(view.sequence)?.name ?? "auto";
      extras.refresh();
    },
    onKey(event) {
      const command = event.ctrlKey || event.metaKey;
      if (command && !event.altKey && event.key.toLowerCase() === "z") {
        if (event.shiftKey) viewport?.redo();
        else viewport?.undo();
        history();
        return true;
      }
      if (command && !event.altKey && event.key.toLowerCase() === "y") { viewport?.redo(); history(); return true; }
      if (command && !event.altKey && event.key.toLowerCase() === "s") { if (dirty && !busy) actions.save(); return true; }
      if (command || event.altKey) return false;
      const sequence = sequences[Number(event.key) - 1];
      if (event.key === "0") applyPreset("auto");
      else if (sequence) setSequence(sequence);
      else if (event.key === "s" && sequences.length > 1) second.toggle();
      else if ((event.key === "a" || event.key === "m" || event.key === "v") && !single) {
        const layout = ({ a: "acquired", m: "multiplanar", v: "volume" } as const)[event.key];
        const reason = layouts.refusal(layout);
        if (reason === null) setLayout(layout);
        else tell(reason);
      }
      else if (event.key === "o") setMask(view.mask === "contour" ? "fill" : view.mask === "fill" ? "off" : "contour");
      else if (event.key in TOOL_KEYS) setTool(TOOL_KEYS[event.key as keyof typeof TOOL_KEYS]);
      else if (event.key === "t" && draws(view.tool)) extras.toggleThreshold();
      else if (event.key === "i" && edits(view.tool)) void extras.between();
      else if (event.key === "[") nextSize(-1);
      else if (event.key === "]") nextSize(1);
      else return viewportKey(event.key);
      return true;
    },
  };

  /** Keys that move through the slices, where the viewport itself has not the focus. */
  function viewportKey(key: string): boolean {
    if (!viewport || (document.activeElement?.closest(".findings") && !key.startsWith("Page"))) return false;
    const to = slicePressed(key, viewport.slice, analysis.slices.length);
    if (to === undefined) return false;
    viewport.setSlice(to);
    return true;
  }
}
