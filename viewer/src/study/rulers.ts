/** Rulers that stay: kept in this browser for each study, and by the service with each corrected version; listed and deletable. */

import type { Analysis } from "../analysis";
import { h, replaceChildren } from "../dom";
import { icon } from "../icons";
import type { Ruler } from "../viewport/api";
import { type NumberedSlices, sliceNumber } from "../wording";

const KEY = "tumorscope.rulers.";
const KEPT_MS = 90 * 86_400_000;

interface Stored {
  changed: number;
  rulers: Ruler[];
}

/** The rulers of a study; null where the browser keeps none. */
export function storedRulers(study: string): Ruler[] | null {
  try {
    return parsed(localStorage.getItem(KEY + study))?.rulers ?? null;
  } catch {
    return null;
  }
}

const AXIS_NAMES = ["column", "row", "slice"] as const;
/** What a header may hold. */
const MOST = 50;

/** The rulers that a version was saved with. */
export function rulersOf(analysis: Analysis): Ruler[] {
  return (analysis.rulers ?? []).map(({ axis, start, end }) => ({
    normal: AXIS_NAMES.indexOf(axis) as 0 | 1 | 2,
    from: [start[2], start[1], start[0]],
    to: [end[2], end[1], end[0]],
  }));
}

/** Rulers as the service takes them with a version: by slice, row and column. */
export function rulersText(rulers: readonly Ruler[]): string {
  const place = ([column, row, slice]: readonly number[]): number[] => [slice, row, column].map((value) => Math.round((value ?? 0) * 100) / 100);
  return JSON.stringify(rulers.slice(0, MOST).map(({ normal, from, to }) => ({ axis: AXIS_NAMES[normal], start: place(from), end: place(to) })));
}

export function storeRulers(study: string, rulers: readonly Ruler[]): void {
  try {
    // None is kept where there were some: those of the version must not come back.
    if (!rulers.length && localStorage.getItem(KEY + study) === null) return;
    const entry: Stored = { changed: Date.now(), rulers: rulers.map(({ normal, from, to }) => ({ normal, from, to })) };
    localStorage.setItem(KEY + study, JSON.stringify(entry));
    forgetOld();
  } catch {
    // Storage is full or forbidden: the rulers last as long as the page.
  }
}

/** Studies expire on the service, and their rulers with them. */
function forgetOld(): void {
  const keys = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at)).filter((key) => key?.startsWith(KEY));
  for (const key of keys) {
    const entry = key && parsed(localStorage.getItem(key));
    if (key && (!entry || Date.now() - entry.changed > KEPT_MS)) localStorage.removeItem(key);
  }
}

/** What was stored, as far as it is whole: other versions of the page may have written it. */
export function parsed(text: string | null): Stored | null {
  try {
    const { changed, rulers } = JSON.parse(text ?? "null") as Stored;
    if (!Number.isFinite(changed) || !Array.isArray(rulers)) return null;
    return { changed, rulers: rulers.filter(isRuler) };
  } catch {
    return null;
  }
}

function isRuler(value: unknown): value is Ruler {
  const { normal, from, to } = (value ?? {}) as Ruler;
  const place = (voxel: unknown): boolean => Array.isArray(voxel) && voxel.length === 3 && voxel.every(Number.isFinite);
  return [0, 1, 2].includes(normal) && place(from) && place(to);
}

export interface RulerList {
  element: HTMLElement;
  show(rulers: readonly (Ruler & { text: string })[]): void;
}

export function rulerList(numbered: () => NumberedSlices, actions: { go(index: number): void; remove(index: number): void }): RulerList {
  const list = h("ol", { class: "rulers" });
  const element = h("section", { "aria-label": "Rulers", hidden: true }, h("h2", {}, "Rulers"), h("p", { class: "hint" }, "Kept in this browser."), list);
  return {
    element,
    show(rulers) {
      element.hidden = !rulers.length;
      replaceChildren(list, ...rulers.map((ruler, index) => {
        const at = Math.round(ruler.from[ruler.normal]);
        const where = ruler.normal === 2 ? `slice ${sliceNumber(numbered(), at)}` : `${ruler.normal === 0 ? "column" : "row"} ${at}`;
        return h(
          "li",
          {},
          h("button", { type: "button", class: "ruler", title: "Show it", on: { click: () => actions.go(index) } }, icon("ruler"), h("strong", {}, ruler.text), h("span", {}, where)),
          h("button", { type: "button", class: "icon-button danger", "aria-label": `Delete the ruler of ${ruler.text} on ${where}`, title: "Delete", on: { click: () => actions.remove(index) } }, icon("trash")),
        );
      }));
    },
  };
}
