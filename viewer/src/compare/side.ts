/** One of two studies that are compared: what it is, its images, its findings in short. */

import type { Analysis } from "../analysis";
import { getAnalysis, getStudy, imagesOf, type StudyDetail } from "../api";
import { h } from "../dom";
import { tell } from "../messages";
import { loadViewport } from "../study/viewport";
import type { MaskMode, View, Viewport } from "../viewport/api";
import { labelColors } from "../viewport/parts";
import { dateText, diametersText, probabilityText, sequenceLongText, sequenceText, sliceFindingText, sliceOfText, volumeText } from "../wording";

const OPACITY = { contour: 0.9, fill: 0.4, off: 0 };

export interface Loaded {
  study: StudyDetail;
  analysis: Analysis;
}

export async function load(id: string): Promise<Loaded> {
  const study = await getStudy(id);
  if (!study.revision) throw new Error(`There are no results of ${study.name} to compare.`);
  return { study, analysis: await getAnalysis(id, study.revision) };
}

export interface SideEvents {
  slice(index: number): void;
  view(view: View): void;
  sequence(name: string): void;
}

export class Side {
  readonly sequences: string[];
  readonly element: HTMLElement;
  viewport: Viewport | undefined;
  private readonly place = h("div", { class: "viewport" });
  private readonly where = h("span", { class: "where" });
  private readonly whereMore = h("span", { class: "where-more" });
  private readonly select: HTMLSelectElement;
  private over = false;

  constructor(readonly loaded: Loaded, private readonly label: string, private readonly events: SideEvents) {
    const { study, analysis } = loaded;
    this.sequences = study.images.map(({ name }) => name).filter((name) => name !== "mask" && name !== "activation");
    this.select = h(
      "select",
      { "aria-label": `Sequence, ${label}`, on: { change: () => { this.show(this.select.value); events.sequence(this.select.value); } } },
      ...this.sequences.map((name) => h("option", { value: name, title: sequenceLongText(name) }, sequenceText(name))),
    );
    this.element = h(
      "section",
      { class: "side", "aria-label": `${label}: ${study.name}` },
      h(
        "header",
        { class: "side-head" },
        h("a", { href: `#/studies/${encodeURIComponent(study.id)}` }, study.name),
        h("span", { class: "side-date" }, analysis.study_date ?? `added ${dateText(study.created)}`),
        this.select,
      ),
      h("p", { class: "side-findings" }, findingsText(analysis), ...labelParts(analysis)),
      h("div", { class: "viewport-place" }, this.place, h("div", { class: "readout", "data-layout": "acquired" }, this.where, this.whereMore)),
    );
  }

  async open(sequence: string, slice: number): Promise<void> {
    const { study, analysis } = this.loaded;
    const createViewport = await loadViewport();
    const made = await createViewport({
      element: this.place,
      analysis,
      images: imagesOf(study, study.revision).filter(({ name }) => name !== "activation"),
      sequence,
      slice,
      label: `Images, ${this.label}`,
      plain: true,
      onSlice: (index) => { this.tellSlice(index); this.events.slice(index); },
      onView: (view) => this.events.view(view),
      onMessage: (line) => tell(line),
    });
    if (this.over) return made.destroy();
    this.viewport = made;
    this.select.value = sequence;
    this.place.dataset["ready"] = "true";
  }

  /** Show a sequence, if this study has it. */
  show(name: string): void {
    if (!this.sequences.includes(name)) return;
    this.select.value = name;
    this.viewport?.setSequence(name);
  }

  setMask(mode: MaskMode): void {
    this.viewport?.setMaskStyle({ mode, opacity: OPACITY[mode] });
  }

  destroy(): void {
    this.over = true;
    this.viewport?.destroy();
  }

  private tellSlice(index: number): void {
    const { analysis } = this.loaded;
    this.where.textContent = sliceOfText(analysis, index);
    this.whereMore.textContent = sliceFindingText(analysis.slices[index]);
  }
}

/** Which color is which label's, where several are drawn. */
function labelParts({ labels }: Analysis): HTMLElement[] {
  const colors = labelColors(labels?.map(({ name }) => name) ?? []);
  const drawn = (labels ?? []).map(({ name, voxels }, index) => ({ name, voxels, color: colors[index] })).filter(({ voxels }) => voxels > 0);
  if (drawn.length < 2) return [];
  return drawn.map(({ name, color }) => h("span", { class: "side-label" }, h("span", { class: "swatch", "aria-hidden": "true", vars: { "--swatch": `var(${color})` } }), name));
}

function findingsText(analysis: Analysis): string {
  if (analysis.input_rejected) return "Not assessed";
  if (!analysis.tumor_present && !analysis.lesions.length) return `No tumor found · probability ${probabilityText(analysis.tumor_probability)}`;
  const largest = analysis.lesions[0]?.diameters;
  return [
    volumeText(analysis.voxels, analysis.volume_mm3, analysis.slices.length === 1),
    largest ? `largest ${diametersText(largest)}` : null,
    `probability ${probabilityText(analysis.tumor_probability)}`,
    analysis.corrected ? "corrected by hand" : null,
  ].filter(Boolean).join(" · ");
}
