/** Questions and help in front of the page; the browser keeps the focus inside. */

import { h, newId, type Child } from "./dom";
import { icon } from "./icons";

function open(dialog: HTMLDialogElement): void {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close("");
  });
  dialog.showModal();
}

/** Ask before something that cannot be undone. */
export function confirmed(question: { title: string; text: string; action: string; danger?: boolean }): Promise<boolean> {
  return new Promise((response) => {
    const title = newId("title");
    const text = newId("text");
    const keep = h("button", { type: "button", class: "button", on: { click: () => dialog.close("") } }, "Cancel");
    const go = h(
      "button",
      { type: "button", class: question.danger ? "button danger" : "button primary", on: { click: () => dialog.close("yes") } },
      question.action,
    );
    const dialog = h(
      "dialog",
      { class: "dialog small", "aria-labelledby": title, "aria-describedby": text },
      h("h2", { id: title }, question.title),
      h("p", { id: text }, question.text),
      h("div", { class: "dialog-actions" }, keep, go),
    );
    dialog.addEventListener("close", () => response(dialog.returnValue === "yes"));
    open(dialog);
    keep.focus();
  });
}

export interface Keys {
  title: string;
  keys: [keys: string[], what: string][];
}

/** The sheet of keys; one at a time. */
export function showKeys(groups: Keys[], about: Child[]): void {
  if (document.querySelector("dialog[open]")) return;
  const title = newId("title");
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close"));
  const dialog = h(
    "dialog",
    { class: "dialog help", "aria-labelledby": title },
    h("header", {}, h("h2", { id: title }, "Keys"), close),
    h(
      "div",
      { class: "help-groups" },
      ...groups.map((group) =>
        h(
          "section",
          {},
          h("h3", {}, group.title),
          h(
            "dl",
            { class: "keys" },
            ...group.keys.map(([keys, what]) =>
              h("div", {}, h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, what)),
            ),
          ),
        ),
      ),
    ),
    h("footer", { class: "help-about" }, ...about),
  );
  open(dialog);
}
