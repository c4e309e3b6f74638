/** Which study to compare one with: those of the same patient first. */

import { listStudies, type Study } from "../api";
import { h, newId, replaceChildren } from "../dom";
import { icon } from "../icons";
import { tellError } from "../messages";
import { momentText, sequenceText } from "../wording";

const TYPING_MS = 200;
const MOST = 50;

/** Ask for another study; opens the comparison. */
export function chooseOther(study: Study, patient: string | null): void {
  const title = newId("title");
  const search = h("input", { type: "search", placeholder: "Search by name", "aria-label": "Search by name", autocomplete: "off" });
  const list = h("ul", { class: "others" });
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close"));
  const dialog = h(
    "dialog",
    { class: "dialog choose", "aria-labelledby": title },
    h("header", {}, h("h2", { id: title }, `Compare ${study.name} with`), close),
    search,
    list,
  );
  let typing: ReturnType<typeof setTimeout> | undefined;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => void refresh(), TYPING_MS);
  });

  async function refresh(): Promise<void> {
    try {
      const { studies } = await listStudies({ search: search.value.trim(), states: ["done"], limit: MOST });
      const others = studies.filter(({ id }) => id !== study.id);
      const same = (each: Study): boolean => patient !== null && each.summary?.patient_key === patient;
      const sorted = [...others.filter(same), ...others.filter((each) => !same(each))];
      replaceChildren(list, ...(sorted.length ? sorted.map((each) => entry(each, same(each))) : [h("li", { class: "empty" }, "No other analyzed scan.")]));
    } catch (error) {
      tellError(error);
    }
  }

  function entry(other: Study, same: boolean): HTMLElement {
    const details = [other.summary?.study_date, other.summary?.sequences.map(sequenceText).join(", "), `added ${momentText(other.created)}`].filter(Boolean).join(" · ");
    return h(
      "li",
      {},
      h(
        "a",
        { class: "other", href: `#/compare/${encodeURIComponent(study.id)}/${encodeURIComponent(other.id)}`, on: { click: () => dialog.close() } },
        h("strong", {}, other.name),
        same ? h("span", { class: "same" }, icon("check"), "same patient") : null,
        h("span", { class: "other-more" }, details),
      ),
    );
  }

  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  search.focus();
  void refresh();
}
