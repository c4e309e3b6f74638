/** One study: waiting for it, its images and findings, and correcting its segmentation. */

import type { Analysis } from "../analysis";
import { ApiError, type About, deleteStudy, follow, getAnalysis, getStudy, imagesOf, isBusy, isOutage, retryStudy, saveMask, type Reading, type Study, type StudyDetail } from "../api";
import { chooseOther } from "../compare/choose";
import { confirmed } from "../dialogs";
import { h, replaceChildren, setText } from "../dom";
import { icon } from "../icons";
import type { Screen } from "../screen";
import { tell, tellError } from "../messages";
import type { Ruler, Viewport } from "../viewport/api";
import { capital, COUNTED, countText } from "../wording";
import { toolbar, firstView, type Toolbar, type View } from "./toolbar";
import { sendingPart } from "./archive";
import { findings } from "./findings";
import { rulerList, rulersOf, rulersText, storedRulers, storeRulers } from "./rulers";
import { loadViewport } from "./viewport";
import { AWAY, waiting } from "./waiting";

const KEYS: Screen["keys"] = [
  {
    title: "Images",
    keys: [
      [["↑", "↓"], "previous, next slice (or the wheel)"],
      [["PageUp", "PageDown"], "five slices back, forward"],
      [["Home", "End"], "first, last slice"],
      [["a", "m", "v"], "slices, three planes, volume"],
      [["1", "2", "…"], "sequence"],
      [["s"], "a second sequence beside the first"],
      [["0"], "automatic window"],
      [["o"], "contour, fill, off"],
      [["l"], "next lesion"],
      [["+", "-", "f"], "zoom in, zoom out, fit"],
    ],
  },
  {
    title: "Tools",
    keys: [
      [["n"], "move"],
      [["w"], "window by dragging"],
      [["r"], "ruler"],
      [["b", "e"], "brush, eraser"],
      [["[", "]"], "smaller, larger brush"],
      [["t"], "brush only on certain intensities"],
      [["h"], "fill a closed contour or a hole by a click"],
      [["d"], "remove a lesion by a click"],
      [["i"], "interpolate the slices between two drawn ones"],
      [["Shift+↑ ↓ ← →"], "move the crosshair"],
      [["Enter"], "click at the crosshair"],
      [["Delete"], "remove the last ruler"],
      [["Ctrl+Z"], "undo; with Shift: redo"],
      [["Ctrl+S"], "save the segmentation as a new version"],
    ],
  },
];

/** How soon a study is asked for again after the service did not respond. */
const REOPEN_MS = 5000;

export function studyScreen(id: string, about: Promise<About>): Screen {
  let over = false;
  let study: StudyDetail | undefined;
  let shown = 0;
  let analysis: Analysis | undefined;
  let viewport: Viewport | undefined;
  let controls: Toolbar | undefined;
  let view: View | undefined;
  let dirty = false;
  let lesion = -1;
  let unfollow = (): void => undefined;
  let turn = 0;
  let reopening: ReturnType<typeof setTimeout> | undefined;

  const name = h("h1", { class: "study-name" }, "…");
  const more = h("span", { class: "study-more" });
  const remove = h("button", { type: "button", class: "icon-button danger", "aria-label": "Delete this study", title: "Delete", on: { click: () => void deleteThis() } }, icon("trash"));
  const compare = h("button", { type: "button", class: "button quiet", "aria-label": "Compare with another study", title: "Compare with another study", hidden: true, on: { click: () => { if (study) chooseOther(study, analysis?.patient_key ?? null); } } }, icon("compare"), "Compare");
  const back = h("a", { class: "button quiet", href: "#/" }, icon("back"), "Work list");
  const note = h("div", { class: "working", role: "status", hidden: true });
  const content = h("div", { class: "study-content" });
  const element = h("div", { class: "study" }, note, content);
  const wait = waiting({ retry, remove: () => void deleteThis() });
  // The images' code is fetched while the analysis runs.
  const viewportCode = loadViewport();
  viewportCode.catch(() => undefined);

  async function open(): Promise<void> {
    try {
      took(await getStudy(id));
    } catch (error) {
      if (!over) gone(error);
    }
  }

  function took(now: StudyDetail): void {
    if (over) return;
    study = now;
    setText(name, now.name);
    remove.hidden = false;
    document.title = `${now.name} · Tumorscope`;
    if (now.revision > 0) void show(now.revision);
    else showWaiting(now);
    if (isBusy(now)) watch();
    else if (now.state === "failed" && now.revision > 0) showNote(now);
  }

  function watch(): void {
    unfollow();
    unfollow = follow(id, (now) => void progressed(now), gone, () => {
      if (shown > 0) replaceChildren(note, icon("warning"), h("span", {}, AWAY));
      else wait.away();
    });
  }

  async function progressed(now: Study): Promise<void> {
    if (over) return;
    if (!isBusy(now)) {
      performance.mark("analysis-done");
      try {
        const whole = await getStudy(id);
        if (over) return;
        study = whole;
        controls?.saving(false);
        if (whole.revision) showNote(whole);
        else showWaiting(whole);
        if (whole.state === "done") await show(whole.revision);
      } catch (error) {
        if (!over) gone(error);
      }
    } else if (shown > 0) showNote(now);
    else showWaiting(now);
  }

  function showWaiting(now: Study | StudyDetail): void {
    wait.show(now);
    if (!wait.element.isConnected) replaceChildren(content, wait.element);
    replaceChildren(more);
  }

  /** What goes on while the version before is still shown. */
  function showNote(now: Study): void {
    note.hidden = now.state === "done";
    if (note.hidden) return replaceChildren(note);
    if (now.state === "failed") {
      const again = h("button", { type: "button", class: "button", on: { click: () => void retry() } }, icon("retry"), "Try again");
      return replaceChildren(note, icon("warning"), h("span", {}, `The new version failed: ${now.failure ?? "no reason is known"}`), again);
    }
    replaceChildren(note, h("span", { class: "spinner", "aria-hidden": "true" }), h("span", {}, "The new version is being measured…"));
  }

  /** Open a version; how it is looked at stays. */
  async function show(revision: number): Promise<void> {
    const now = study;
    if (!now) return;
    const mine = (turn += 1);
    try {
      const [found, createViewport] = await Promise.all([getAnalysis(id, revision), viewportCode]);
      if (over || mine !== turn) return;
      const slice = viewport?.slice ?? firstSlice(found);
      controls?.destroy();
      viewport?.destroy();
      viewport = undefined;
      analysis = found;
      shown = revision;
      compare.hidden = false;
      dirty = false;
      lesion = -1;
      const images = imagesOf(now, revision);
      const names = images.map((image) => image.name);
      view ??= firstView(names.filter((each) => each !== "mask" && each !== "activation"));
      const newest = revision === now.revision;
      const made = (controls = toolbar(found, names, view, newest, { save: () => void save(), discard: () => void discard() }));
      const place = h("div", { class: "viewport", "data-revision": revision });
      const panel = findings(now, found, revision, {
        lesion: (index) => toLesion(index),
        revision: (other) => void change(other),
      }, rulers.element);
      void about.then(({ destinations }) => {
        if (mine === turn) panel.element.querySelector(".downloads")?.after(...sendingPart(now, revision, destinations));
      }, () => undefined);
      selectLesion = panel.select;
      rulers.show([]);
      replaceChildren(content, made.beside, h("div", { class: "middle" }, made.above, made.editing, h("div", { class: "viewport-place" }, place, made.readout)), panel.element);
      replaceChildren(more, versionText(now, revision));
      const ready = await createViewport({
        element: place,
        analysis: found,
        images,
        sequence: view.sequence,
        slice: Math.min(slice, found.slices.length - 1),
        rulers: storedRulers(id) ?? rulersOf(found),
        onRulers: (drawn) => { kept = drawn; rulers.show(drawn); storeRulers(id, drawn); },
        onSlice: (index) => made.slice(index),
        onEdited: (changed) => { dirty = changed; made.edited(changed); },
        onMessage: (line) => tell(line),
        onTool: (tool) => made.toolChanged(tool),
        onVolumeProblem: (reason) => made.refuseVolume(reason),
        onWindow: (low, high) => made.windowed(low, high),
      });
      if (over || mine !== turn) return ready.destroy();
      viewport = ready;
      made.attach(ready, place.parentElement as HTMLElement);
      if (document.activeElement === document.body || document.activeElement?.id === "main") ready.focus();
      place.dataset["ready"] = "true";
      performance.mark("first-image");
    } catch (error) {
      if (!over && mine === turn) tellError(error);
    }
  }

  let kept: readonly Ruler[] = [];
  const rulers = rulerList(() => analysis ?? COUNTED, {
    go(index) {
      const ruler = kept[index];
      if (!ruler) return;
      // A ruler across the slices is seen in the planes only.
      if (ruler.normal !== 2 && view?.layout !== "multiplanar") controls?.onKey(new KeyboardEvent("keydown", { key: "m" }));
      else if (view?.layout === "volume") controls?.onKey(new KeyboardEvent("keydown", { key: "a" }));
      viewport?.setCursor([0, 1, 2].map((axis) => ((ruler.from[axis] ?? 0) + (ruler.to[axis] ?? 0)) / 2) as [number, number, number]);
    },
    remove: (index) => viewport?.removeRuler(index),
  });

  let selectLesion = (_index: number | null): void => undefined;

  function toLesion(index: number): void {
    const found = analysis?.lesions[index];
    if (!found || !viewport || !view) return;
    lesion = index;
    selectLesion(index);
    viewport.setSlice(found.diameters?.slice ?? found.largest_slice);
    viewport.setLesion(index);
  }

  async function change(revision: number): Promise<void> {
    if (revision === shown || !(await mayLeave())) return;
    await show(revision);
  }

  async function save(): Promise<void> {
    if (!viewport || !dirty || !study) return;
    controls?.saving(true);
    try {
      const now = await saveMask(id, shown, await viewport.maskFile(), rulersText(kept));
      if (over) return;
      dirty = false;
      controls?.edited(false);
      showNote(now);
      watch();
    } catch (error) {
      controls?.saving(false);
      if (error instanceof ApiError && error.status === 412) tell("Someone else saved a version meanwhile. Open that one and correct it again.", "error");
      else tellError(error);
    }
  }

  async function discard(): Promise<void> {
    const sure = await confirmed({ title: "Discard the changes?", text: "The segmentation goes back to that of this version.", action: "Discard", danger: true });
    if (sure) viewport?.discardEdits();
  }

  async function retry(reading?: Reading): Promise<void> {
    try {
      const now = await retryStudy(id, reading);
      if (shown > 0) showNote(now);
      else showWaiting(now);
      watch();
    } catch (error) {
      tellError(error);
    }
  }

  async function deleteThis(): Promise<void> {
    const sure = await confirmed({
      title: `Delete ${study?.name ?? "this study"}?`,
      text: "Its images, results and all its versions are removed from the service. This cannot be undone.",
      action: "Delete",
      danger: true,
    });
    if (!sure) return;
    try {
      await deleteStudy(id);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) return tellError(error);
    }
    dirty = false;
    storeRulers(id, []);
    location.hash = "#/";
  }

  function gone(error: unknown): void {
    unfollow();
    const again = isOutage(error);
    setText(name, again ? "…" : "Not here");
    remove.hidden = true;
    clearTimeout(reopening);
    if (again) reopening = setTimeout(() => void open(), REOPEN_MS);
    replaceChildren(
      content,
      h(
        "div",
        { class: "gone" },
        h("h2", {}, "This study cannot be shown"),
        h("p", { role: "status" }, capital(error instanceof Error ? error.message : String(error))),
        again ? h("button", { type: "button", class: "button primary", on: { click: () => void open() } }, icon("retry"), "Try again") : null,
        h("a", { class: "button", href: "#/" }, "To the work list"),
      ),
    );
  }

  async function mayLeave(): Promise<boolean> {
    if (!dirty) return true;
    return confirmed({ title: "Leave without saving?", text: "The changed segmentation has not been saved as a version.", action: "Leave", danger: true });
  }

  const unload = (event: BeforeUnloadEvent): void => {
    if (dirty) event.preventDefault();
  };
  addEventListener("beforeunload", unload);

  return {
    title: "Study · Tumorscope",
    element,
    bar: [back, name, more, compare, remove],
    keys: KEYS,
    onKey(event) {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) {
        if (event.key === "l" && analysis?.lesions.length) {
          toLesion((lesion + 1) % analysis.lesions.length);
          return true;
        }
        if (event.key === "Escape") {
          if (view && view.tool !== "navigate") return controls?.onKey(new KeyboardEvent("keydown", { key: "n" })) ?? false;
          location.hash = "#/";
          return true;
        }
      }
      return controls?.onKey(event) ?? false;
    },
    shown: () => void open(),
    mayLeave,
    destroy() {
      over = true;
      unfollow();
      clearTimeout(reopening);
      controls?.destroy();
      viewport?.destroy();
      removeEventListener("beforeunload", unload);
    },
  };
}

/** Where most of the tumor is; the middle without one. */
function firstSlice(analysis: Analysis): number {
  const lesion = analysis.lesions[0];
  return lesion?.diameters?.slice ?? lesion?.largest_slice ?? Math.floor(analysis.slices.length / 2);
}

function versionText(study: StudyDetail, revision: number): string {
  if (study.revisions.length < 2) return "";
  return `version ${revision} of ${countText(study.revisions.length, "version").split(" ")[0] ?? ""}`;
}
