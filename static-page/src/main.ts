/** The page: nothing leaves it. Files go to a worker of this page, which analyzes them where they are. */

import { h, replaceChildren, setText } from "../../viewer/src/dom";
import { icon } from "../../viewer/src/icons";
import { applyTheme, nextTheme } from "../../viewer/src/theme";
import type { Loaded, Response } from "./messages";
import { Client } from "./page/client";
import { Study } from "./page/study";
import { welcome } from "./page/welcome";
import { NOTICE } from "./page/words";

const ASSETS = new URL("assets/", document.baseURI).href;

const state = h("p", { class: "state", role: "status" }, "Loading the network (about 22 MB, once) …");
const alertLine = h("p", { class: "alert refused", role: "alert", hidden: true });
const content = h("div", { class: "content" });
const picker = h("input", { type: "file", class: "unseen", accept: ".png,.jpg,.jpeg,.bmp,.nii,.gz,image/*", tabindex: -1, "aria-label": "File", on: { change: () => picked() } });
const another = h("button", { type: "button", class: "button", hidden: true, on: { click: () => picker.click() } }, icon("folder"), h("span", {}, "Another file"));

let loaded: Loaded | null = null;
let study: Study | null = null;
/** A file that was given before the network was there. */
let waiting: File | null = null;

applyTheme();
document.body.append(
  h(
    "header",
    { class: "top" },
    h("img", { src: `${ASSETS}icon.svg`, alt: "", width: 28, height: 28 }),
    h("strong", { class: "name" }, "Tumorscope"),
    h("span", { class: "grow" }),
    another,
    h("button", { type: "button", class: "button quiet", "aria-label": "Change the colors", on: { click: () => void nextTheme() } }, icon("contrast")),
  ),
  h("main", {}, alertLine, content, picker),
  h("footer", { class: "bottom" }, h("p", { class: "notice" }, NOTICE), state),
);
const client = new Client(ASSETS, heard, () => fail("The network cannot be loaded. Reload the page; the browser must know WebAssembly with SIMD."));
showWelcome();
keepForOffline();

window.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
window.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
window.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const files = event.dataTransfer?.files;
  if (files?.length) open(files[0], files.length);
});
window.addEventListener("paste", (event) => {
  const file = event.clipboardData?.files[0];
  if (file) open(file);
});

function showWelcome(): void {
  replaceChildren(content, welcome({ choose: () => picker.click(), example: () => void openExample() }));
}

function picked(): void {
  const file = picker.files?.[0];
  if (file) open(file);
  picker.value = "";
}

async function openExample(): Promise<void> {
  const response = await fetch(`${ASSETS}example.nii.gz`);
  open(new File([await response.blob()], "example.nii.gz"));
}

function open(file: File, count = 1): void {
  alertLine.hidden = true;
  if (count > 1) return fail("Give one file at a time; the full program reads folders and studies.");
  content.inert = true;
  setText(state, `Reading ${file.name} …`);
  if (loaded) client.send({ kind: "open", file });
  else waiting = file;
}

function heard(response: Response): void {
  if (response.kind === "loaded") {
    loaded = response.loaded;
    if (!waiting) setText(state, readiness(loaded));
    document.body.dataset["ready"] = "";
    client.send(waiting ? { kind: "open", file: waiting } : { kind: "warm up" });
    waiting = null;
  } else if (response.kind === "opened") {
    content.inert = false;
    if (!loaded) return;
    setText(state, readiness(loaded));
    study = new Study(response.shown, loaded, (request) => client.send(request));
    replaceChildren(content, study.element);
    another.hidden = false;
  } else if (response.kind === "failed" && (response.asked === "open" || response.asked === "load")) {
    content.inert = false;
    fail(response.asked === "load" ? `The network cannot be loaded: ${response.reason}` : response.reason);
  } else {
    study?.heard(response);
  }
}

function readiness({ name, version, threads }: Loaded): string {
  return `Network ${name} ${version} is loaded and runs here, on ${threads === 1 ? "one thread" : `${threads} threads`}. Nothing is uploaded.`;
}

function fail(reason: string): void {
  setText(alertLine, reason);
  alertLine.hidden = false;
  setText(state, loaded ? readiness(loaded) : "The network is not loaded.");
}

/** On the next visit the page opens without network, and with several threads. */
function keepForOffline(): void {
  if ("serviceWorker" in navigator && isSecureContext) {
    navigator.serviceWorker.register("service-worker.js").catch((error: unknown) => console.info("not kept for offline use:", error));
  }
}
