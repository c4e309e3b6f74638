/** One open file: the slice on the left, the findings on the right. */

import { h, replaceChildren, setText } from "../../../viewer/src/dom";
import { COUNTED, sliceNumber } from "../../../viewer/src/wording";
import type { ScanFinding, SliceFinding } from "../findings/analysis";
import type { Loaded, Request, Response, Shown } from "../messages";
import { scanSection, section, sliceSection } from "./findings";
import { saveFindings, saveMask } from "./saving";
import { strip } from "./strip";
import { Viewport } from "./viewport";
import { verdictSentence } from "./words";

const SEQUENCES = [["unknown", "not known"], ["t1c", "T1 with contrast"], ["t1", "T1"], ["flair", "FLAIR"], ["t2", "T2"]] as const;

export class Study {
  readonly #viewport = new Viewport();
  readonly #slider: HTMLInputElement;
  readonly #where = h("output", { class: "where" });
  readonly #strip = h("div");
  readonly #panel = h("div", { class: "results", "aria-live": "polite" });
  readonly #contour = h("input", { type: "checkbox", checked: true, on: { change: () => this.#draw() } });
  readonly #map = h("input", { type: "checkbox", on: { change: () => this.#draw() } });
  readonly #mapNote = h("p", { class: "small", hidden: true }, "The map is brightest where most speaks for the likeliest type. It is not a segmentation.");
  readonly #sequence = h("select", { on: { change: () => this.#restart() } }, ...SEQUENCES.map(([value, text]) => h("option", { value }, text)));
  readonly #wholeButton = h("button", { type: "button", class: "button primary", on: { click: () => this.#analyzeScan() } });
  readonly #savers: HTMLButtonElement[];
  readonly element: HTMLElement;
  #found = new Map<number, SliceFinding>();
  #scan: ScanFinding | null = null;
  /** The slice that the network runs on. */
  #running: number | null = null;
  #progress: string | null = null;
  #failure: string | null = null;

  constructor(
    private readonly shown: Shown,
    private readonly loaded: Loaded,
    private readonly send: (request: Request) => void,
  ) {
    const last = shown.slices - 1;
    this.#slider = h("input", { type: "range", min: 0, max: last, value: last >> 1, "aria-label": "Slice", on: { input: () => this.#moved() } });
    this.#savers = [
      h("button", { type: "button", class: "button", on: { click: () => this.#saveMask() } }, "Save the mask"),
      h("button", { type: "button", class: "button", on: { click: () => saveFindings(this.shown, this.loaded, this.#found, this.#scan) } }, "Save the numbers"),
    ];
    this.element = this.#build();
    this.#moved();
  }

  heard(response: Response): void {
    if (response.kind === "slice") {
      this.#running = null;
      this.#found.set(response.index, response.finding);
    } else if (response.kind === "progress") {
      this.#progress = `Slice ${response.done} of ${response.of}`;
    } else if (response.kind === "scan") {
      this.#progress = null;
      this.#scan = response.finding;
      this.#found = new Map(response.finding.slices.entries());
    } else if (response.kind === "failed") {
      [this.#running, this.#progress, this.#failure] = [null, null, response.reason];
    }
    this.#askForSlice();
    this.#draw();
  }

  get #index(): number {
    return Number(this.#slider.value);
  }

  get #otherSequence(): boolean {
    return !["unknown", "t1c"].includes(this.#sequence.value);
  }

  #build(): HTMLElement {
    const { shown } = this;
    const many = shown.slices > 1;
    const verdict = verdictSentence(shown);
    const refused = shown.verdict === "refused";
    const facts = [
      `${shown.rows} × ${shown.columns} pixels${many ? `, ${shown.slices} slices` : ""}`,
      shown.plane,
      shown.spacingMm ? `voxels of ${[...shown.spacingMm].reverse().map((side) => Number(side.toPrecision(3))).join(" × ")} mm` : "size of a pixel not known",
    ].filter(Boolean);
    return h(
      "div",
      { class: "study" },
      h(
        "div",
        { class: "stage" },
        this.#viewport.element,
        many ? h("div", { class: "slices" }, this.#strip, h("div", { class: "slider" }, this.#slider, this.#where)) : null,
        h(
          "div",
          { class: "layers" },
          h("label", {}, this.#contour, "Contour"),
          h("label", {}, this.#map, "Activation map"),
          h("label", { class: "sequence" }, "Sequence", this.#sequence),
        ),
        this.#mapNote,
      ),
      h(
        "aside",
        { class: "findings", "aria-label": "Findings" },
        h("header", { class: "file" }, h("h1", {}, shown.name), h("p", { class: "small" }, facts.join(" · "))),
        verdict ? h("p", { class: refused ? "alert refused" : "alert", role: "alert" }, verdict) : null,
        refused ? null : this.#panel,
        refused ? null : h("div", { class: "buttons" }, many ? this.#wholeButton : null, ...this.#savers),
        shown.notes.length ? section("Notes", h("ul", { class: "notes" }, ...shown.notes.map((note) => h("li", {}, note)))) : null,
      ),
    );
  }

  #moved(): void {
    this.#askForSlice();
    this.#draw();
  }

  /** Types depend on what the visitor says the sequence is. */
  #restart(): void {
    this.#found.clear();
    this.#scan = null;
    this.#moved();
  }

  /** One slice at a time: while the visitor moves on, those between are left out. */
  #askForSlice(): void {
    const index = this.#index;
    const idle = this.#running === null && this.#progress === null && this.#failure === null;
    if (this.shown.verdict === "refused" || !idle || this.#found.has(index)) return;
    this.#running = index;
    this.send({ kind: "slice", index, otherSequence: this.#otherSequence });
  }

  #analyzeScan(): void {
    this.#progress = "Starting";
    this.send({ kind: "scan", otherSequence: this.#otherSequence });
    this.#draw();
  }

  #saveMask(): void {
    const finding = this.#found.get(this.#index);
    if (finding) void saveMask(this.shown, this.#index, finding);
  }

  #draw(): void {
    const index = this.#index;
    const { shown, loaded } = this;
    const finding = this.#found.get(index) ?? null;
    this.#viewport.show(shown, index, finding, { contour: this.#contour.checked, map: this.#map.checked });
    this.#mapNote.hidden = !this.#map.checked;
    const where = shown.slices > 1 ? `Slice ${sliceNumber(COUNTED, index)} of ${shown.slices}` : "Slice";
    setText(this.#where, where);
    const words = finding ? (finding.positive ? ", tumor found" : ", no tumor found") : "";
    this.#viewport.canvas.setAttribute("aria-label", `${where} of ${shown.name}${words}`);
    setText(this.#wholeButton, this.#progress ?? (this.#scan ? "Whole scan analyzed" : `Analyze all ${shown.slices} slices`));
    this.#wholeButton.disabled = this.#progress !== null || this.#scan !== null;
    this.#wholeButton.setAttribute("aria-busy", String(this.#progress !== null));
    this.#sequence.disabled = this.#progress !== null || this.#running !== null;
    for (const button of this.#savers) button.disabled = finding === null;
    const scan = this.#scan;
    replaceChildren(this.#strip, scan && strip(scan.probabilities, loaded.operatingPoint, index, (to) => this.#go(to)));
    replaceChildren(
      this.#panel,
      this.#failure && h("p", { class: "alert refused", role: "alert" }, this.#failure),
      scan && scanSection(scan, loaded),
      sliceSection(shown.slices > 1 ? `Slice ${sliceNumber(COUNTED, index)}` : "This slice", finding, loaded),
    );
    this.element.dataset["state"] = this.#progress ? "scanning" : finding ? "found" : "running";
  }

  #go(index: number): void {
    this.#slider.value = String(index);
    this.#moved();
  }
}
