/** A small "?" where a word stands, which opens what it means. */

import { TERMS, type Term } from "./glossary";
import { h, newId } from "./dom";

const GAP = 6;

/** A button that opens the explanation of a term. */
export function explain(term: Term): HTMLElement {
  const [title, text] = TERMS[term];
  return explainText(title, text);
}

/** The same for a text that is not in the glossary. */
export function explainText(title: string, text: string): HTMLElement {
  const id = newId("term");
  const tip = h("span", { id, class: "tip", popover: "auto", role: "note" }, h("strong", {}, title), text);
  const button = h("button", { type: "button", class: "explain", popovertarget: id, "aria-label": `What is meant: ${title}`, title: "What is this?" }, "?");
  // Escape closes the explanation, not the screen behind it.
  const close = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    tip.hidePopover();
    button.focus();
  };
  tip.addEventListener("toggle", (event) => {
    if (event.newState === "open") {
      place(tip, button);
      addEventListener("keydown", close, true);
    } else removeEventListener("keydown", close, true);
  });
  return h("span", { class: "explained" }, button, tip);
}

/** Below its button, or above it where there is no room; inside the window. */
function place(tip: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const below = at.bottom + GAP;
  const top = below + height <= innerHeight - GAP ? below : Math.max(GAP, at.top - GAP - height);
  const left = Math.min(Math.max(GAP, at.left + at.width / 2 - width / 2), Math.max(GAP, innerWidth - GAP - width));
  tip.style.setProperty("left", `${Math.round(left)}px`);
  tip.style.setProperty("top", `${Math.round(top)}px`);
}
