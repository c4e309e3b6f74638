/** One open file: the slice on the left, the findings on the right. */

import { h, replaceChildren, setText } from "../../../viewer/src/dom";
import { WheelSteps } from "../../../viewer/src/viewport/wheel";
import { capital, COUNTED, probabilityText, sliceNumber } from "../../../viewer/src/wording";
import type { ScanFinding, SliceFinding } from "../findings/analysis";
import { onOtherSequence, type TypeFinding } from "../findings/tumor-type";
import type { AboutScan, Loaded, Request, Shown } from "../messages";
import { scanSection, section, sliceSection } from "./findings";
import { saveFindings, saveMask } from "./saving";
import { strip } from "./strip";
import { Viewport } from "./viewport";
import { windowControls } from "./window";
import { verdictSentence } from "./words";

const SEQUENCES = [["unknown", "not known"], ["t1c", "T1 with contrast"], ["t1", "T1"], ["flair", "FLAIR"], ["t2", "T2"]] as const;

/** How far a key goes through the slices, as in the service's page. */
const STEPS: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -5, PageDown: 5, Home: -Infinity, End: Infinity };

export class Study {
  readonly #viewport = new Viewport();
  readonly #slider: HTMLInputElement;
  readonly #where = h("output", { class: "where" });
  readonly #strip = h("div");
  readonly #panel = h("div", { class: "results" });
  /** The findings in a sentence, read out once they are there; the panel itself changes too often for that. */
  readonly #spoken = h("p", { class: "unseen", role: "status" });
  readonly #contour = h("input", { type: "checkbox", checked: true, on: { change: () => this.#draw() } });
  readonly #map = h("input", { type: "checkbox", on: { change: () => this.#draw() } });
  readonly #mapNote = h("p", { class: "small", hidden: true }, "The map is brightest where most speaks for the likeliest type. It is not a segmentation.");
  readonly #sequence = h("select", { on: { change: () => this.#draw() } }, ...SEQUENCES.map(([value, text]) => h("option", { value }, text)));
  readonly #wholeButton = h("button", { type: "button", class: "button primary", on: { click: () => this.#analyzeScan() } });
  readonly #stopButton = h("button", { type: "button", class: "button", hidden: true, on: { click: () => this.send({ kind: "stop", scan: this.scan }) } }, "Stop");
  readonly #savers: HTMLButtonElement[];
  readonly element: HTMLElement;
  #found = new Map<number, SliceFinding>();
  #scan: ScanFinding | null = null;
  /** The slice that the network runs on. */
  #running: number | null = null;
  #progress: string | null = null;
  #failure: string | null = null;
  readonly #turning = new WheelSteps();

  /** @param scan the number by which the worker knows it */
  constructor(
    readonly scan: number,
    private readonly shown: Shown,
    private readonly loaded: Loaded,
    private readonly send: (request: Request) => void,
  ) {
    const last = shown.slices - 1;
    this.#slider = h("input", { type: "range", min: 0, max: last, value: last >> 1, "aria-label": "Slice", on: { input: () => this.resume() } });
    this.#savers = [
      h("button", { type: "button", class: "button", on: { click: () => this.#saveMask() } }, "Save the mask"),
      h("button", { type: "button", class: "button", on: { click: () => this.#saveFindings() } }, "Save the numbers"),
    ];
    this.element = this.#build();
    this.#viewport.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.resume();
  }

  heard(response: AboutScan): void {
    if (response.kind === "slice") {
      this.#running = null;
      this.#found.set(response.index, response.finding);
    } else if (response.kind === "progress") {
      this.#progress = `Slice ${response.done} of ${response.of}`;
    } else if (response.kind === "scan") {
      this.#progress = null;
      this.#scan = response.finding;
      this.#found = new Map(response.finding.slices.entries());
    } else {
      [this.#running, this.#progress] = [null, null];
      if (response.kind === "failed") this.#failure = response.reason;
      else return this.#draw(); // another file may be on its way: nothing is asked for until that is known
    }
    this.resume();
  }

  /** Ask for the slice shown, if it is not known. */
  resume(): void {
    this.#askForSlice();
    this.#draw();
  }

  /** @returns whether the key did something */
  onKey(key: string): boolean {
    if (!(key in STEPS) || this.shown.slices === 1) return false;
    this.#go(this.#index + STEPS[key]);
    return true;
  }

  get #index(): number {
    return Number(this.#slider.value);
  }

  get #otherSequence(): boolean {
    return !["unknown", "t1c"].includes(this.#sequence.value);
  }

  /** The findings, with the type as the stated sequence leaves it. */
  #stated<Finding extends { readonly type: TypeFinding | null }>(finding: Finding): Finding {
    return finding.type && this.#otherSequence ? { ...finding, type: onOtherSequence(finding.type) } : finding;
  }

  #build(): HTMLElement {
    const { shown } = this;
    const many = shown.slices > 1;
    const verdict = verdictSentence(shown);
    const refused = shown.verdict === "refused";
    const facts = [
      `${shown.rows} × ${shown.columns} pixels${many ? `, ${shown.slices} slices` : ""}`,
      shown.plane,
      shown.edges || shown.kind === "image" ? null : "right and left not known",
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
          ...(refused
            ? []
            : [
                h("label", {}, this.#contour, "Contour"),
                h("label", {}, this.#map, "Activation map"),
                h("label", { class: "sequence" }, "Sequence", this.#sequence),
              ]),
          windowControls((chosen) => {
            this.#viewport.window = chosen;
            this.#draw();
          }),
        ),
        this.#mapNote,
      ),
      h(
        "aside",
        { class: "findings", "aria-label": "Findings" },
        h("header", { class: "file" }, h("h1", {}, shown.name), h("p", { class: "small" }, facts.join(" · "))),
        verdict ? h("p", { class: refused ? "alert refused" : "alert", role: "alert" }, verdict) : null,
        refused ? null : this.#panel,
        refused ? null : h("div", { class: "buttons" }, many ? this.#wholeButton : null, many ? this.#stopButton : null, ...this.#savers),
        this.#spoken,
        shown.notes.length ? section("Notes", h("ul", { class: "notes" }, ...shown.notes.map((note) => h("li", {}, note)))) : null,
      ),
    );
  }

  #wheel(event: WheelEvent): void {
    if (this.shown.slices === 1 || event.ctrlKey) return;
    event.preventDefault();
    const steps = this.#turning.of(event);
    if (steps) this.#go(this.#index + steps);
  }

  /** One slice at a time: while the visitor moves on, those between are left out. */
  #askForSlice(): void {
    const index = this.#index;
    const idle = this.#running === null && this.#progress === null && this.#failure === null;
    if (this.shown.verdict === "refused" || !idle || this.#found.has(index)) return;
    this.#running = index;
    this.send({ kind: "slice", scan: this.scan, index });
  }

  #analyzeScan(): void {
    this.#progress = "Starting";
    this.#failure = null;
    this.send({ kind: "scan", scan: this.scan });
    this.#draw();
  }

  #saveMask(): void {
    const finding = this.#found.get(this.#index);
    if (finding) void saveMask(this.shown, this.#index, finding);
  }

  #saveFindings(): void {
    const slices = new Map([...this.#found].map(([index, finding]) => [index, this.#stated(finding)]));
    saveFindings(this.shown, this.loaded, this.#sequence.value, slices, this.#scan && this.#stated(this.#scan));
  }

  #draw(): void {
    const index = this.#index;
    const { shown, loaded } = this;
    const known = this.#found.get(index);
    const finding = known ? this.#stated(known) : null;
    this.#viewport.show(shown, index, finding, { contour: this.#contour.checked, map: this.#map.checked });
    this.#mapNote.hidden = !this.#map.checked;
    const where = shown.slices > 1 ? `Slice ${sliceNumber(COUNTED, index)} of ${shown.slices}` : "Slice";
    setText(this.#where, where);
    const words = finding ? (finding.positive ? ", tumor found" : ", no tumor found") : "";
    this.#viewport.canvas.setAttribute("aria-label", `${where} of ${shown.name}${words}`);
    setText(this.#wholeButton, this.#progress ?? (this.#scan ? "Whole scan analyzed" : `Analyze all ${shown.slices} slices`));
    this.#wholeButton.disabled = this.#progress !== null || this.#scan !== null;
    this.#wholeButton.setAttribute("aria-busy", String(this.#progress !== null));
    this.#stopButton.hidden = this.#progress === null;
    for (const button of this.#savers) button.disabled = finding === null;
    const scan = this.#scan && this.#stated(this.#scan);
    replaceChildren(this.#strip, scan && strip(scan.probabilities, loaded.operatingPoint, index, (to) => this.#go(to)));
    replaceChildren(
      this.#panel,
      this.#failure && h("p", { class: "alert refused", role: "alert" }, this.#failure),
      scan && scanSection(scan, loaded),
      sliceSection(shown.slices > 1 ? `Slice ${sliceNumber(COUNTED, index)}` : "This slice", finding, loaded, this.#running !== null),
    );
    if (finding) setText(this.#spoken, capital(`${shown.slices > 1 ? where : shown.name}${words}, presence probability ${probabilityText(finding.probability)}`));
    this.element.dataset["state"] = this.#progress ? "scanning" : finding ? "found" : "running";
  }

  #go(index: number): void {
    this.#slider.value = String(Math.min(Math.max(index, 0), this.shown.slices - 1));
    this.resume();
  }
}
