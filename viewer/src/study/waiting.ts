/** A study on its way: what is done, what is being done, what went wrong. */

import type { Study } from "../api";
import { h, replaceChildren, setText } from "../dom";
import { icon } from "../icons";
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
  show(study: Study): void;
  /** The service does not respond at the moment. */
  away(): void;
}

export function waiting(actions: { retry(): void; remove(): void }): Waiting {
  const title = h("h2", {}, "Waiting");
  const words = h("p", { class: "waiting-words", role: "status" });
  const hint = h("p", { class: "waiting-words" });
  const bar = h("progress", { "aria-label": "Progress of the analysis" });
  const steps = STEPS.map(([, text]) => h("li", {}, h("span", { class: "dot", "aria-hidden": "true" }), text));
  const list = h("ol", { class: "steps" }, ...steps);
  const failed = h(
    "div",
    { class: "waiting-actions" },
    h("button", { type: "button", class: "button primary", on: { click: actions.retry } }, icon("retry"), "Try again"),
    h("button", { type: "button", class: "button", on: { click: actions.remove } }, "Delete"),
  );
  const element = h("section", { class: "waiting", "aria-label": "Progress" }, title, words, hint, bar, list, failed);
  return {
    element,
    away() {
      setText(words, AWAY);
      bar.removeAttribute("value");
    },
    show(study) {
      const broken = study.state === "failed";
      element.classList.toggle("failed", broken);
      bar.hidden = list.hidden = broken;
      hint.hidden = !broken || !optionHint(study.failure ?? "");
      failed.hidden = !broken;
      if (broken) {
        setText(title, "This could not be analyzed");
        setText(words, study.failure ?? "No reason is known.");
        setText(hint, optionHint(study.failure ?? ""));
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
