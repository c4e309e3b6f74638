/** The page: nothing leaves it. Files go to a worker of this page, which analyzes them where they are. */

import { h, replaceChildren, setText, takesKeys } from "../../viewer/src/dom";
import { icon } from "../../viewer/src/icons";
import { applyTheme, chosenTheme, nextTheme } from "../../viewer/src/theme";
import type { Loaded, Response, Shown } from "./messages";
import { Client } from "./page/client";
import { Study } from "./page/study";
import { welcome } from "./page/welcome";
import { NOTICE } from "./page/words";

const ASSETS = new URL("assets/", document.baseURI).href;

const LOADING = "Loading the network (about 22 MB, once) …";
const state = h("p", { class: "state", role: "status" }, LOADING);
const alertLine = h("p", { class: "alert refused", role: "alert", hidden: true });
const content = h("div", { class: "content" });
const picker = h("input", { type: "file", class: "unseen", accept: ".png,.jpg,.jpeg,.bmp,.tif,.tiff,.nii,.gz,image/*", tabindex: -1, "aria-label": "File", on: { change: () => picked() } });
const another = h("button", { type: "button", class: "button", hidden: true, on: { click: () => picker.click() } }, icon("folder"), h("span", {}, "Another file"));

const themeButton = h("button", { type: "button", class: "button quiet", on: { click: () => { nextTheme(); nameTheme(); } } }, icon("contrast"));

let loaded: Loaded | null = null;
/** Why there is no network; no file can be analyzed then. */
let broken: string | null = null;
let study: Study | null = null;
/** The file given last, and the number by which the worker knows its scan. */
let given: { readonly file: File; readonly scan: number } | null = null;

applyTheme();
nameTheme();
document.body.append(
  h(
    "header",
    { class: "top" },
    h("img", { src: `${ASSETS}icon.svg`, alt: "", width: 28, height: 28 }),
    h("strong", { class: "name" }, "Tumorscope"),
    h("span", { class: "grow" }),
    another,
    themeButton,
  ),
  h("main", {}, alertLine, content, picker),
  h("footer", { class: "bottom" }, h("p", { class: "notice" }, NOTICE), state),
);
const client = new Client(ASSETS, heard, () => lose("Reload the page; the browser must know WebAssembly with SIMD."));
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

window.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (plain && !event.defaultPrevented && !takesKeys(event.target) && study?.onKey(event.key)) event.preventDefault();
});

function nameTheme(): void {
  const words = `Colors: ${{ dark: "dark", light: "light", system: "as the device" }[chosenTheme()]}`;
  themeButton.setAttribute("aria-label", words);
  themeButton.title = words;
}

function showWelcome(): void {
  replaceChildren(content, welcome({ choose: () => picker.click(), example: () => void openExample() }));
}

function picked(): void {
  const file = picker.files?.[0];
  if (file) open(file);
  picker.value = "";
}

async function openExample(): Promise<void> {
  try {
    const response = await fetch(`${ASSETS}example.nii.gz`);
    if (!response.ok) throw new Error(`the file server responded ${response.status}`);
    open(new File([await response.blob()], "example.nii.gz"));
  } catch (error) {
    fail(`The example cannot be loaded (${messageOf(error)}).`);
  }
}

function open(file: File, count = 1): void {
  alertLine.hidden = true;
  if (count > 1) return fail("Give one file at a time; the full program reads folders and studies.");
  if (broken !== null) return fail(broken);
  content.inert = true;
  setText(state, loaded ? `Reading ${file.name} …` : `Loading the network; then ${file.name} is read …`);
  given = { file, scan: (given?.scan ?? 0) + 1 };
  if (loaded) client.send({ kind: "open", ...given });
}

function heard(response: Response): void {
  if (response.kind === "loaded") {
    loaded = response.loaded;
    if (!given) setText(state, readiness(loaded));
    document.body.dataset["ready"] = "";
    client.send(given ? { kind: "open", ...given } : { kind: "warm up" });
  } else if (response.kind === "opened") {
    if (response.scan === given?.scan) show(response.scan, response.shown);
  } else if (response.kind === "failed" && response.asked === "load") {
    lose(response.reason);
  } else if (response.kind === "failed" && response.asked === "open") {
    if (response.scan !== given?.scan) return;
    fail(`${given.file.name}: ${response.reason}`);
    study?.resume(); // what was asked for meanwhile was left
  } else if ("scan" in response && response.scan === study?.scan) {
    study.heard(response);
  }
}

function show(scan: number, shown: Shown): void {
  if (!loaded) return;
  content.inert = false;
  setText(state, readiness(loaded));
  study = new Study(scan, shown, loaded, (request) => client.send(request));
  replaceChildren(content, study.element);
  document.title = `${shown.name} · Tumorscope in the browser`;
  another.hidden = false;
}

function readiness({ name, version, threads }: Loaded): string {
  return `Network ${name} ${version} is loaded and runs here, on ${threads === 1 ? "one thread" : `${threads} threads`}. Nothing is uploaded.`;
}

/** Without the network nothing can be analyzed, whatever is given. */
function lose(reason: string): void {
  broken = `The network cannot be loaded: ${reason}`;
  fail(broken);
}

function fail(reason: string): void {
  content.inert = false;
  setText(alertLine, reason);
  alertLine.hidden = false;
  setText(state, loaded ? readiness(loaded) : broken === null ? LOADING : "The network is not loaded.");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** On the next visit the page opens without network, and with several threads. */
function keepForOffline(): void {
  if ("serviceWorker" in navigator && isSecureContext) {
    navigator.serviceWorker.register("service-worker.js").catch((error: unknown) => console.info("not kept for offline use:", error));
  }
}
