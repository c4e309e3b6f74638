/** The table of studies; a row is kept while its study is, so that focus and selection stay. */

import { isBusy, type Study, type Summary } from "../api";
import { h, replaceChildren, setText } from "../dom";
import { icon, type IconName } from "../icons";
import { aheadText, capital, countText, dateText, momentText, optionHint, probabilityText, sequenceText, stageText, typeText, volumeText } from "../wording";

export interface RowActions {
  retry(study: Study): void;
  remove(study: Study): void;
}

interface Row {
  element: HTMLTableRowElement;
  update(study: Study): void;
}

export interface StudyTable {
  element: HTMLElement;
  show(studies: Study[]): void;
  /** Move the focus from row to row. */
  step(by: number): void;
  focused(): Study | undefined;
  mark(ids: string[]): void;
}

const COLUMNS = ["Scan", "State", "Finding", "Type", "Volume", "Added", "Expires"];

export function studyTable(actions: RowActions): StudyTable {
  const rows = new Map<string, Row>();
  let shown: Study[] = [];
  const body = h("tbody");
  const element = h(
    "table",
    { class: "studies" },
    h("caption", { class: "unseen" }, "Scans, newest first"),
    h("thead", {}, h("tr", {}, ...COLUMNS.map((name) => h("th", { scope: "col", class: `col-${name.toLowerCase()}` }, name)), h("th", { scope: "col", class: "col-actions" }, h("span", { class: "unseen" }, "Actions")))),
    body,
  );
  const at = (): number => shown.findIndex((study) => rows.get(study.id)?.element.contains(document.activeElement));
  return {
    element,
    show(studies) {
      const kept = new Set(studies.map((study) => study.id));
      const before = at();
      for (const [id, row] of rows) {
        if (kept.has(id)) continue;
        row.element.remove();
        rows.delete(id);
      }
      let next = body.firstElementChild;
      for (const study of studies) {
        let row = rows.get(study.id);
        if (!row) rows.set(study.id, (row = studyRow(actions)));
        row.update(study);
        if (row.element === next) next = next.nextElementSibling;
        else body.insertBefore(row.element, next);
      }
      shown = studies;
      if (before >= 0 && at() < 0) focus(Math.min(before, studies.length - 1));
    },
    step(by) {
      const here = at();
      focus(here < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(here + by, 0), shown.length - 1));
    },
    focused: () => shown[at()],
    mark(ids) {
      for (const id of ids) rows.get(id)?.element.classList.add("fresh");
    },
  };

  function focus(index: number): void {
    const study = shown[index];
    if (study) rows.get(study.id)?.element.querySelector("a")?.focus();
  }
}

function studyRow(actions: RowActions): Row {
  let study: Study;
  const link = h("a", { class: "study-link" });
  const about = h("span", { class: "study-about" });
  const state = h("td", { class: "col-state" });
  const finding = h("td", { class: "col-finding" });
  const kind = h("td", { class: "col-type" });
  const volume = h("td", { class: "col-volume" });
  const added = h("td", { class: "col-added" });
  const expires = h("td", { class: "col-expires" });
  const retry = h("button", { type: "button", class: "icon-button", on: { click: () => actions.retry(study) } }, icon("retry"));
  const remove = h("button", { type: "button", class: "icon-button danger", on: { click: () => actions.remove(study) } }, icon("trash"));
  const element = h(
    "tr",
    { on: { click: (event: MouseEvent) => openRow(event, link) } },
    h("th", { scope: "row", class: "col-scan" }, link, about),
    state, finding, kind, volume, added, expires,
    h("td", { class: "col-actions" }, h("div", {}, retry, remove)),
  );
  let told = "";
  return {
    element,
    update(now) {
      study = now;
      setText(added, momentText(study.created));
      setText(expires, study.expires ? momentText(study.expires) : "–");
      const news = JSON.stringify(study);
      if (news === told) return;
      told = news;
      link.href = `#/studies/${encodeURIComponent(study.id)}`;
      setText(link, study.name);
      setText(about, aboutText(study.summary));
      replaceChildren(state, ...stateParts(study));
      replaceChildren(finding, ...findingParts(study));
      setText(kind, kindText(study.summary));
      replaceChildren(volume, ...volumeParts(study.summary));
      added.title = dateText(study.created);
      expires.title = study.expires ? dateText(study.expires) : "";
      retry.hidden = study.state !== "failed";
      const how = asksForOption(study) ? " with other options" : "";
      retry.setAttribute("aria-label", `Try ${study.name} again${how}`);
      retry.title = `Try again${how}`;
      remove.setAttribute("aria-label", `Delete ${study.name}`);
      remove.title = "Delete";
      element.dataset["state"] = study.state;
    },
  };
}

/** Whether it would fail again as it is: its own page has the options that its failure asks for. */
export function asksForOption(study: Study): boolean {
  return !study.revision && optionHint(study.failure ?? "") !== "";
}

/** The whole row opens a study; links, buttons and selected text keep their own ways. */
function openRow(event: MouseEvent, link: HTMLAnchorElement): void {
  const target = event.target as Element;
  if (target.closest("a, button") || getSelection()?.toString()) return;
  link.click();
}

function aboutText(summary: Summary | null): string {
  if (!summary) return "";
  return `${summary.sequences.map(sequenceText).join(", ")} · ${countText(summary.slices, "slice")}`;
}

const STATES: Record<Study["state"], [IconName, string]> = {
  fetching: ["network", "Fetching"],
  queued: ["clock", "Waiting"],
  analyzing: ["pulse", "Analyzing"],
  done: ["check", "Done"],
  failed: ["warning", "Failed"],
};

export function stateParts(study: Study): HTMLElement[] {
  const [mark, words] = STATES[study.state];
  const pill = h("span", { class: `pill ${study.state}` }, icon(mark), words);
  if (study.state === "queued") return study.ahead === null ? [pill] : [pill, h("span", { class: "progress-words" }, aheadText(study.ahead))];
  if (!isBusy(study)) return [pill];
  const { done, total } = study.progress;
  const bar = h("progress", { max: Math.max(total, 1), ...(total > 0 && done > 0 ? { value: done } : {}), "aria-label": `${words} ${study.name}` });
  return [pill, bar, h("span", { class: "progress-words" }, stageText(study.state, study.progress))];
}

function findingParts(study: Study): (HTMLElement | string)[] {
  if (study.state === "failed") return [h("span", { class: "failure" }, study.failure ?? "It failed.")];
  const summary = study.summary;
  if (!summary) return [h("span", { class: "nothing" }, "–")];
  if (summary.input_rejected) return [h("span", { class: "finding unassessed", title: capital(summary.input_rejected.text) }, "Not assessed")];
  const words = summary.tumor_present ? "Tumor found" : "No tumor found";
  return [
    h("span", { class: summary.tumor_present ? "finding present" : "finding absent" }, words),
    h("span", { class: "finding-more" }, `probability ${probabilityText(summary.tumor_probability)}`),
  ];
}

function kindText(summary: Summary | null): string {
  return summary?.tumor_type ? capital(typeText(summary.tumor_type)) : "–";
}

function volumeParts(summary: Summary | null): (HTMLElement | string)[] {
  if (!summary?.lesions || summary.volume_mm3 === null) return ["–"];
  const volume = volumeText(0, summary.volume_mm3);
  return summary.lesions > 1 ? [volume, h("span", { class: "finding-more" }, `in ${summary.lesions} lesions`)] : [volume];
}
