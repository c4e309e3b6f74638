/** What a visitor can state about files that do not say it themselves: before they are sent, or when they are tried again. */

import type { Reading } from "./api";
import { h, newId, replaceChildren } from "./dom";
import { explain } from "./explain";
import { readingOf, type StatedRow } from "./options-fields";
import { sequenceLongText } from "./wording";

export interface ReadingOptions {
  element: HTMLDetailsElement;
  /** What is stated; throws an Error with one line where the fields are not complete. */
  stated(): Reading;
  /** Fill the fields. */
  show(reading: Reading): void;
  /** Whether a study's series are to be aligned; the only option of a study that the service fetches. */
  register(): boolean;
}

const SEQUENCES = ["t1", "t1c", "t2", "flair"];
const AXES = ["column", "row", "slice"];

export function readingOptions(): ReadingOptions {
  const align = h("input", { type: "checkbox" });
  const lengths = AXES.map((axis) => h("input", { type: "number", min: "0.01", step: "any", inputmode: "decimal", "aria-label": `Distance from ${axis} to ${axis}, mm`, title: `Distance from ${axis} to ${axis}, mm`, placeholder: axis }));
  const rows: StatedRow<HTMLInputElement, HTMLSelectElement>[] = [];
  const stated = h("div", { class: "stated" });
  const another = h("button", { type: "button", class: "button quiet", on: { click: () => addRow().name.focus() } }, "State another");
  addRow();

  function addRow(named = "", shows?: string): StatedRow<HTMLInputElement, HTMLSelectElement> {
    const name = h("input", { type: "text", "aria-label": "File, folder or DICOM series", placeholder: "File, folder or series", autocomplete: "off", spellcheck: "false" });
    const sequence = h(
      "select",
      { "aria-label": "What it shows" },
      ...SEQUENCES.map((each) => h("option", { value: each }, sequenceLongText(each))),
      h("option", { value: "unknown" }, "leave it out"),
    );
    name.value = named;
    if (shows !== undefined) sequence.value = shows;
    const row = { name, sequence };
    rows.push(row);
    stated.append(h("div", { class: "stated-row" }, name, h("span", { "aria-hidden": "true" }, "shows"), sequence));
    return row;
  }

  const spacingId = newId("spacing");
  const element = h(
    "details",
    { class: "reading-options" },
    h("summary", {}, "Options for scans that do not say enough"),
    h(
      "div",
      { class: "options-grid" },
      h("label", { class: "check" }, align, "Align the series to each other"),
      explain("align"),
      h("div", { class: "option", role: "group", "aria-labelledby": spacingId }, h("span", { id: spacingId, class: "field-name" }, "Voxel size, mm"), ...lengths),
      explain("spacing"),
      h("div", { class: "option" }, h("span", { class: "field-name" }, "What is shown"), h("div", { class: "stated-list" }, stated, another)),
      explain("stated"),
    ),
  );
  return {
    element,
    register: () => align.checked,
    stated: () =>
      readingOf(
        align.checked,
        lengths.map((length) => (length.validity.badInput ? "?" : length.value)),
        rows.map(({ name, sequence }) => ({ name: name.value, sequence: sequence.value })),
      ),
    show({ register, spacing, sequences }) {
      align.checked = register;
      lengths.forEach((length, axis) => { length.value = spacing ? String(spacing[axis]) : ""; });
      rows.length = 0;
      replaceChildren(stated);
      for (const [name, sequence] of Object.entries(sequences)) addRow(name, sequence);
      if (!rows.length) addRow();
    },
  };
}
