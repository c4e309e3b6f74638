/** A study on its way: what is done, what is being done, what went wrong. */

import type { Reading, Study, StudyDetail } from "../api";
import { h, replaceChildren, setText } from "../dom";
import { icon } from "../icons";
import { tellError } from "../messages";
import { readingOptions } from "../options";
import { isStated } from "../options-fields";
import { aheadText, capital, momentText, optionHint, stageText } from "../wording";

const STEPS: [string, string][] = [
  ["queued", "Waiting for its turn"],
  ["reading", "Reading the files"],
  ["analyzing", "Looking for a tumor"],
  ["writing", "Writing the results"],
];

/** While a study is followed and no response comes. */
export const AWAY = "The service does not respond. This page keeps asking.";

export interface Waiting {
  element: HTMLElement;
  /** @param study with its options where it has failed. */
  show(study: Study | StudyDetail): void;
  /** The service does not respond at the moment. */
  away(): void;
}

export function waiting(actions: { retry(reading: Reading): Promise<void>; remove(): void }): Waiting {
  const title = h("h2", {}, "Waiting");
  const words = h("p", { class: "waiting-words" });
  const hint = h("p", { class: "waiting-hint" });
  const bar = h("progress", { "aria-label": "Progress of the analysis" });
  const steps = STEPS.map(([, text]) => h("li", {}, h("span", { class: "dot", "aria-hidden": "true" }), text));
  const list = h("ol", { class: "steps" }, ...steps);
  const options = readingOptions();
  const failed = h(
    "form",
    { novalidate: true, hidden: true, on: { submit: (event: SubmitEvent) => { event.preventDefault(); void retry(); } } },
    options.element,
    h(
      "div",
      { class: "waiting-actions" },
      h("button", { type: "submit", class: "button primary" }, icon("retry"), "Try again"),
      h("button", { type: "button", class: "button", on: { click: actions.remove } }, "Delete"),
    ),
  );
  const element = h("section", { class: "waiting", "aria-label": "Progress" }, title, h("div", { role: "status" }, words, hint), bar, list, failed);
  let asking = false;

  async function retry(): Promise<void> {
    if (asking) return;
    asking = true;
    try {
      await actions.retry(options.stated());
    } catch (error) {
      tellError(error);
    }
    asking = false;
  }

  return {
    element,
    away() {
      setText(words, AWAY);
      bar.removeAttribute("value");
    },
    show(study) {
      const broken = study.state === "failed";
      const advice = broken ? optionHint(study.failure ?? "") : "";
      element.classList.toggle("failed", broken);
      bar.hidden = list.hidden = broken;
      hint.hidden = !advice;
      failed.hidden = !broken;
      setText(hint, advice);
      if (broken) {
        setText(title, "This could not be analyzed");
        setText(words, study.failure ?? "No reason is known.");
        if ("reading" in study) {
          options.show(study.reading);
          options.element.open = advice !== "" || isStated(study.reading);
        }
        return;
      }
      setText(title, study.state === "fetching" ? "Fetching the study" : study.state === "queued" ? "In the queue" : "Being analyzed");
      setText(words, study.state === "queued" ? [`Added ${momentText(study.created)}.`, turn(study)].filter(Boolean).join(" ") : stageText(study.state, study.progress));
      const { stage, done, total } = study.progress;
      if (study.state === "analyzing" && total > 0 && done > 0) {
        bar.max = total;
        bar.value = done;
      } else bar.removeAttribute("value");
      const at = study.state === "analyzing" ? Math.max(1, STEPS.findIndex(([name]) => name === stage)) : 0;
      steps.forEach((step, index) => {
        step.className = index < at ? "past" : index === at ? "now" : "";
        replaceChildren(step, index < at ? icon("check") : h("span", { class: "dot", "aria-hidden": "true" }), STEPS[index]?.[1] ?? "");
        if (index === at) step.setAttribute("aria-current", "step");
        else step.removeAttribute("aria-current");
      });
    },
  };
}

/** How long the queue before it is, as a sentence. */
function turn(study: Study): string {
  const text = aheadText(study.ahead);
  return text && `${capital(text)}.`;
}
