/** The work list: what came in, where it stands, what was found. */

import { ApiError, deleteStudy, isBusy, listStudies, retryStudy, tableAddress, type About, type State, type Study } from "../api";
import { confirmed } from "../dialogs";
import { h, newId, replaceChildren, setText } from "../dom";
import { icon } from "../icons";
import type { Screen } from "../screen";
import { tell, tellError, tellWhile } from "../messages";
import { countText } from "../wording";
import { storeRulers } from "../study/rulers";
import { asksForOption, studyTable } from "./table";
import { uploads } from "./uploads";

const SOON_MS = 1000;
const LATER_MS = 8000;
const TYPING_MS = 200;
const PAGE = 50;
const MOST = 200;

const FILTERS: [string, string, State[]][] = [
  ["", "All states", []],
  ["working", "In work", ["fetching", "queued", "analyzing"]],
  ["done", "Done", ["done"]],
  ["failed", "Failed", ["failed"]],
];

export function workListScreen(about: Promise<About>): Screen {
  let studies: Study[] = [];
  let limit = PAGE;
  let total = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking: AbortController | undefined;
  let over = false;
  /** Takes away the message that the service does not respond; told once, however often it is asked. */
  let outage: (() => void) | undefined;

  const searchId = newId("search");
  const search = h("input", { id: searchId, type: "search", placeholder: "Search by name", autocomplete: "off", "aria-label": "Search by name" });
  const filter = h("select", { "aria-label": "State" }, ...FILTERS.map(([value, words]) => h("option", { value }, words)));
  const csv = h("a", { class: "button quiet", href: tableAddress({ search: "", states: [] }), download: "studies.csv", title: "All matching scans as a table for spreadsheets" }, icon("download"), "CSV");
  const count = h("span", { class: "count", role: "status" });
  const table = studyTable({ retry: (study) => void retry(study), remove: (study) => void remove(study) });
  table.element.hidden = true; // until something is known
  const empty = h("p", { class: "empty", hidden: true });
  const more = h("button", { type: "button", class: "button more", hidden: true, on: { click: () => { limit = Math.min(limit + PAGE, MOST); void refresh(); } } }, "Show more");
  const intake = uploads(about, (fresh) => {
    if (over) return;
    if (fresh.length === 1 && fresh[0] && !intake.underWay()) {
      location.hash = `#/studies/${fresh[0].id}`;
      return;
    }
    tell(`${countText(fresh.length, "scan")} added.`);
    void refresh().then(() => table.mark(fresh.map((study) => study.id)));
  });
  const element = h(
    "div",
    { class: "work-list" },
    h("h1", { class: "unseen" }, "Work list"),
    intake.element,
    h("div", { class: "list-head" }, h("label", { class: "search", for: searchId }, icon("search"), search), filter, count, csv),
    h("div", { class: "table-place" }, table.element, empty),
    more,
  );

  const wanted = (): State[] => FILTERS.find(([value]) => value === filter.value)?.[2] ?? [];

  async function refresh(): Promise<void> {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    let busy = false;
    try {
      const page = await listStudies({ search: search.value.trim(), states: wanted(), limit }, mine.signal);
      if (over || mine.signal.aborted) return;
      studies = page.studies;
      total = page.total;
      busy = studies.some(isBusy);
      outage?.();
      outage = undefined;
      show();
    } catch (error) {
      if (over || mine.signal.aborted) return;
      outage ??= tellWhile(error);
    }
    timer = setTimeout(() => void refresh(), document.hidden || !busy ? LATER_MS : SOON_MS);
  }

  function show(): void {
    table.show(studies);
    csv.href = tableAddress({ search: search.value.trim(), states: wanted() });
    csv.hidden = !studies.length;
    table.element.hidden = !studies.length;
    empty.hidden = studies.length > 0;
    const narrowed = search.value.trim() !== "" || filter.value !== "";
    setText(empty, narrowed ? "No scan matches." : "Nothing here yet. Scans that you add appear in this list.");
    element.classList.toggle("bare", !studies.length && !narrowed);
    setText(count, total ? (studies.length < total ? `${studies.length} of ${countText(total, "scan")}` : countText(total, "scan")) : "");
    more.hidden = studies.length >= total || limit >= MOST;
    if (studies.length < total && limit >= MOST) setText(empty, "Search to find older scans.");
    if (studies.length < total && limit >= MOST) empty.hidden = false;
  }

  async function retry(study: Study): Promise<void> {
    if (asksForOption(study)) {
      location.hash = `#/studies/${study.id}`;
      return;
    }
    try {
      await retryStudy(study.id);
      tell(`${study.name} is tried again.`);
    } catch (error) {
      tellError(error);
    }
    await refresh();
  }

  async function remove(study: Study): Promise<void> {
    const sure = await confirmed({
      title: `Delete ${study.name}?`,
      text: "Its images, results and all its versions are removed from the service. This cannot be undone.",
      action: "Delete",
      danger: true,
    });
    if (!sure) return;
    try {
      await deleteStudy(study.id);
      storeRulers(study.id, []);
      tell(`${study.name} was deleted.`);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) tellError(error);
    }
    await refresh();
  }

  let typing: ReturnType<typeof setTimeout> | undefined;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { limit = PAGE; void refresh(); }, TYPING_MS);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); table.step(1); }
    if (event.key === "Escape") { search.value = ""; void refresh(); }
  });
  filter.addEventListener("change", () => { limit = PAGE; void refresh(); });
  const back = (): void => { if (!document.hidden) void refresh(); };
  document.addEventListener("visibilitychange", back);
  replaceChildren(count);

  return {
    title: "Work list · Tumorscope",
    element,
    keys: [
      {
        title: "Work list",
        keys: [
          [["↓", "↑"], "next, previous scan"],
          [["Enter"], "open"],
          [["/"], "search"],
          [["u"], "choose files"],
          [["t"], "try a failed scan again"],
          [["Delete"], "delete, after a question"],
        ],
      },
    ],
    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return false;
      const study = table.focused();
      if (event.key === "/") search.focus();
      else if (event.key === "u") intake.pick();
      else if (event.key === "ArrowDown" || event.key === "j") table.step(1);
      else if (event.key === "ArrowUp" || event.key === "k") table.step(-1);
      else if (event.key === "Delete" && study) void remove(study);
      else if (event.key === "t" && study?.state === "failed") void retry(study);
      else return false;
      return true;
    },
    shown: () => void refresh(),
    async mayLeave() {
      if (!intake.underWay()) return true;
      return confirmed({ title: "Leave while files are sent?", text: "The upload goes on, but its progress is no longer shown.", action: "Leave" });
    },
    destroy() {
      over = true;
      clearTimeout(timer);
      clearTimeout(typing);
      asking?.abort();
      document.removeEventListener("visibilitychange", back);
      intake.destroy();
    },
  };
}
