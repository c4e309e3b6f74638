/** Short messages at the edge of the page, read out where somebody listens. */

import { h } from "./dom";
import { icon } from "./icons";

const SHOWN_MS = 6000;
const polite = h("div", { class: "messages-part", role: "status", "aria-live": "polite" });
const urgent = h("div", { class: "messages-part", role: "alert" });

export const messages = h("div", { class: "messages" }, urgent, polite);

/** Tell what happened; errors stay until they are closed. */
export function tell(line: string, kind: "info" | "error" = "info"): void {
  show(line, kind);
}

export function tellError(error: unknown): void {
  tellWhile(error);
}

/**
 * Tell an error that may pass.
 *
 * @returns takes the message away, once it is no longer true.
 */
export function tellWhile(error: unknown): () => void {
  const message = show(error instanceof Error ? error.message : String(error), "error");
  return () => message.remove();
}

function show(line: string, kind: "info" | "error"): HTMLElement {
  const place = kind === "error" ? urgent : polite;
  for (const shown of Array.from(place.children)) if (shown.firstChild?.textContent === line) shown.remove();
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close the message" }, icon("close"));
  const message = h("div", { class: `message ${kind}` }, h("p", {}, line), close);
  close.addEventListener("click", () => message.remove());
  place.append(message);
  if (kind === "info") setTimeout(() => message.remove(), SHOWN_MS);
  return message;
}
