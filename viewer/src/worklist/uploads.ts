/** Where scans come in: drop zone, pickers, DICOMweb; and what is on its way. */

import { ApiError, createDemo, fetchByDicomweb, getBundles, isOutage, type About, type Study, type Taken } from "../api";
import { h, newId, replaceChildren, setText } from "../dom";
import { explain } from "../explain";
import { icon } from "../icons";
import { tell, tellError } from "../messages";
import { readingOptions } from "../options";
import { fieldsOf } from "../options-fields";
import { bytesText, capital, countText, optionHint } from "../wording";
import { entriesOf, filesBelow, fromPicker, uploadName, type Picked } from "./files";
import { send } from "./sending";

export interface Uploads {
  element: HTMLElement;
  pick(): void;
  underWay(): number;
  destroy(): void;
}

/** @param taken is told of new studies as soon as the service has them. */
export function uploads(about: Promise<About>, taken: (studies: Study[]) => void): Uploads {
  let running = 0;
  const files = h("input", { type: "file", multiple: true, hidden: true, tabindex: -1, "aria-hidden": "true" });
  const folder = h("input", { type: "file", webkitdirectory: true, hidden: true, tabindex: -1, "aria-hidden": "true" });
  const bundleId = newId("bundle");
  const bundle = h("select", { id: bundleId }, h("option", { value: "auto" }, "chosen for the scan"));
  const list = h("ul", { class: "uploads", "aria-label": "Uploads" });
  const formats = h("p", {}, "Files, folders or ZIP.");
  const demo = button("Try a demo scan", "play", () => void tryDemo());
  demo.title = "A phantom: a drawn head with one tumor, made by the service. No patient is in it.";
  demo.hidden = true;
  const zone = h(
    "section",
    { class: "drop", "aria-label": "Add scans" },
    h("div", { class: "drop-mark" }, icon("upload")),
    h("div", { class: "drop-words" }, h("h2", {}, "Drop a scan here"), formats),
    h(
      "div",
      { class: "drop-actions" },
      button("Choose files", "file", () => files.click(), true),
      button("Choose a folder", "folder", () => folder.click()),
      button("From DICOMweb", "network", () => dicomweb.classList.toggle("open") && address.focus()),
      demo,
      h("span", { class: "field inline" }, h("label", { for: bundleId }, "Network"), bundle, explain("bundle")),
    ),
  );
  const options = readingOptions();
  const addressId = newId("address");
  const address = h("input", {
    id: addressId, type: "url", required: true, placeholder: "https://pacs.example.org/dicom-web/studies/1.2.3", autocomplete: "off", spellcheck: "false",
  });
  const dicomweb = h(
    "form",
    { class: "dicomweb", on: { submit: (event: SubmitEvent) => { event.preventDefault(); void fetchStudy(); } } },
    h("span", { class: "field-name" }, h("label", { for: addressId }, "Address of a study on a DICOMweb service"), explain("dicomweb")),
    address,
    h("button", { type: "submit", class: "button primary" }, "Fetch"),
  );
  const veil = h("div", { class: "veil", "aria-hidden": "true" }, h("div", {}, icon("upload"), h("p", {}, "Drop to analyze")));
  const element = h("div", { class: "intake" }, zone, options.element, dicomweb, list, files, folder, veil);

  about.then((service) => {
    setText(formats, `${service.formats.map(({ title }) => title).join(", ")}: as files, folders or ZIP.`);
    demo.hidden = !service.demo;
  }, () => undefined);

  getBundles().then((bundles) => {
    for (const each of bundles) bundle.append(h("option", { value: each.name }, each.title || each.name));
  }, () => undefined);

  for (const picker of [files, folder]) {
    picker.addEventListener("change", () => {
      if (picker.files?.length) void start(fromPicker(picker.files));
      picker.value = "";
    });
  }

  let depth = 0;
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  const shade = (change: number): void => {
    depth = Math.max(0, depth + change);
    veil.classList.toggle("shown", depth > 0);
  };
  const listeners: [string, (event: DragEvent) => void][] = [
    ["dragenter", (event) => carriesFiles(event) && shade(1)],
    ["dragleave", (event) => carriesFiles(event) && shade(-1)],
    ["dragover", (event) => { if (event.dataTransfer) event.dataTransfer.dropEffect = "copy"; }],
    ["drop", (event) => {
      shade(-depth);
      if (event.dataTransfer && carriesFiles(event)) void drop(event.dataTransfer);
    }],
  ];
  for (const [name, listener] of listeners) addEventListener(name, listener as EventListener);

  async function drop(transfer: DataTransfer): Promise<void> {
    const entries = entriesOf(transfer);
    const most = await about.then((limits) => limits.upload_files, () => 20_000);
    try {
      await start(await filesBelow(entries, most));
    } catch {
      tell("A folder could not be read. Was it moved meanwhile?", "error");
    }
  }

  async function start(picked: Picked[]): Promise<void> {
    if (!picked.length) return tell("There are no files in it.", "error");
    const limits = await about.catch(() => undefined);
    const bytes = picked.reduce((sum, { file }) => sum + file.size, 0);
    if (limits && picked.length > limits.upload_files) {
      return tell(`More than ${countText(limits.upload_files, "file")}; the service takes no more at once.`, "error");
    }
    if (limits && bytes > limits.upload_bytes) {
      return tell(`${bytesText(bytes)}; the service takes ${bytesText(limits.upload_bytes)} at once.`, "error");
    }
    let stated: Record<string, string>;
    try {
      stated = fieldsOf(options.stated());
    } catch (error) {
      return tellError(error);
    }
    const sending = send(picked, { bundle: bundle.value, ...stated }, (sent, total) => row.progress(sent, total), () => row.interrupted());
    const row = uploadRow(uploadName(picked), picked.length, () => sending.cancel());
    list.append(row.element);
    running += 1;
    const response = await sending.done.catch((error: unknown) => {
      if (error instanceof DOMException) row.element.remove();
      else row.failed(error instanceof Error ? error.message : String(error), mayHelp(error) ? () => void start(picked) : undefined);
    });
    running -= 1;
    if (!response) return;
    row.element.remove();
    settle(response, uploadName(picked));
  }

  async function tryDemo(): Promise<void> {
    demo.disabled = true;
    demo.setAttribute("aria-busy", "true");
    tell("A demo scan is being made. This takes a few seconds.");
    try {
      taken([await createDemo()]);
    } catch (error) {
      tellError(error);
    }
    demo.disabled = false;
    demo.removeAttribute("aria-busy");
  }

  async function fetchStudy(): Promise<void> {
    try {
      settle(await fetchByDicomweb(address.value.trim(), bundle.value, options.register()), "the study");
      address.value = "";
      dicomweb.classList.remove("open");
    } catch (error) {
      tellError(error);
    }
  }

  function settle(response: Taken, name: string): void {
    if (response.left_out.length) list.append(leftOut(response, name));
    if (response.studies.length) taken(response.studies);
    else tell(`Nothing in ${name} can be analyzed.`, "error");
  }

  return {
    element,
    pick: () => files.click(),
    underWay: () => running,
    destroy() {
      for (const [name, listener] of listeners) removeEventListener(name, listener as EventListener);
    },
  };
}

/** A refusal of the files stays one, unless an option mends it; a broken connection or a full disk may be mended. */
function mayHelp(error: unknown): boolean {
  if (error instanceof ApiError && optionHint(error.message)) return true;
  return error instanceof ApiError && (isOutage(error) || error.status === 409 || error.status === 429);
}

function button(words: string, mark: Parameters<typeof icon>[0], act: () => void, primary = false): HTMLButtonElement {
  return h("button", { type: "button", class: primary ? "button primary" : "button", on: { click: act } }, icon(mark), words);
}

function uploadRow(name: string, count: number, cancel: () => void) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
  const words = h("span", { class: "upload-state" }, "Starting");
  const stop = h("button", { type: "button", class: "icon-button", "aria-label": `Cancel the upload of ${name}`, on: { click: cancel } }, icon("close"));
  const element = h("li", { class: "upload" }, h("span", { class: "upload-name" }, count > 1 ? `${name} (${countText(count, "file")})` : name), bar, words, stop);
  return {
    element,
    progress(sent: number, total: number): void {
      bar.max = Math.max(total, 1);
      bar.value = sent;
      setText(words, sent < total ? `${bytesText(sent)} of ${bytesText(total)}` : "Checking");
      if (sent >= total) bar.removeAttribute("value");
    },
    interrupted(): void {
      setText(words, "No connection; trying again");
      bar.removeAttribute("value");
    },
    failed(reason: string, again?: () => void): void {
      element.classList.add("failed");
      const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => element.remove() } }, icon("close"));
      const retry = again && h("button", { type: "button", class: "button", on: { click: () => { element.remove(); again(); } } }, icon("retry"), "Again");
      replaceChildren(element, h("span", { class: "upload-name" }, name), h("span", { class: "upload-state", role: "alert" }, withoutName(reason, name)), retry ?? h("span"), close);
    },
  };
}

/** The service's line begins with the file's name, which the row shows already. */
function withoutName(reason: string, name: string): string {
  return reason.startsWith(`${name}: `) ? capital(reason.slice(name.length + 2)) : reason;
}

function leftOut(response: Taken, name: string): HTMLElement {
  const count = countText(response.left_out.length, "file");
  const close = h("button", { type: "button", class: "icon-button", "aria-label": "Close the list", on: { click: () => element.remove() } }, icon("close"));
  const element = h(
    "li",
    { class: "upload left-out" },
    h(
      "details",
      response.studies.length ? {} : { open: true },
      h("summary", {}, `${count} left out of ${name}`),
      h("ul", {}, ...response.left_out.slice(0, 200).map((each) => h("li", {}, h("b", {}, each.name), `: ${each.reason}`))),
    ),
    close,
  );
  return element;
}
