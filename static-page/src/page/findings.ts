/** What was found, beside the slice. Every word of it is set as text. */

import { type Child, h, newId } from "../../../viewer/src/dom";
import { areaText, capital, probabilityText, typeText, volumeText } from "../../../viewer/src/wording";
import type { ScanFinding, SliceFinding } from "../findings/analysis";
import type { TypeFinding } from "../findings/tumor-type";
import type { Loaded } from "../messages";
import { typeHeading, typeSentence } from "./words";

export function section(title: string, ...content: Child[]): HTMLElement {
  const id = newId("part");
  return h("section", { class: "part", "aria-labelledby": id }, h("h2", { id }, title), ...content);
}

/**
 * @param finding null where there is none yet
 * @param running whether one is being made
 */
export function sliceSection(title: string, finding: SliceFinding | null, loaded: Loaded, running: boolean): HTMLElement {
  if (!finding) return section(title, h("p", { class: "busy" }, running ? "The network is running …" : "Not analyzed."));
  const { areaPx, areaMm2, positive } = finding;
  return section(
    title,
    headline(positive),
    probabilityBar(finding.probability, loaded.operatingPoint),
    positive ? h("p", {}, areaPx ? `Area of the segmentation: ${areaText(areaPx, areaMm2)}.` : "No pixel reaches the threshold of the segmentation.") : null,
    ...typeParts(finding.type, loaded),
  );
}

export function scanSection(finding: ScanFinding, loaded: Loaded): HTMLElement {
  const voxels = finding.slices.reduce((all, { areaPx }) => all + areaPx, 0);
  return section(
    "Whole scan",
    headline(finding.positive),
    probabilityBar(finding.probability, loaded.operatingPoint),
    finding.positive ? h("p", {}, `Volume of the segmentation: ${volumeText(voxels, finding.volumeMm3)}.`) : null,
    ...typeParts(finding.type, loaded),
  );
}

function headline(positive: boolean): HTMLElement {
  return h("p", { class: positive ? "headline found" : "headline" }, positive ? "Tumor found" : "No tumor found");
}

/** The probability of a tumor, and from where on a slice counts as positive. */
function probabilityBar(probability: number, operatingPoint: number): HTMLElement {
  const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
  return h(
    "div",
    { class: "probability" },
    h("p", {}, "Presence probability ", h("strong", {}, probabilityText(probability))),
    h(
      "div",
      { class: "bar", role: "img", "aria-label": `Presence probability ${probabilityText(probability)}, operating point ${operatingPoint.toFixed(2)}`, vars: { "--share": percent(probability), "--mark": percent(operatingPoint) } },
      h("span", { class: "filled" }),
      h("span", { class: "mark" }),
    ),
    h("p", { class: "small" }, `A slice counts as one with a tumor from ${operatingPoint.toFixed(2)} on (the operating point).`),
  );
}

function typeParts(finding: TypeFinding | null, loaded: Loaded): Child[] {
  if (!finding) return [];
  const rows = Object.entries(finding.probabilities).map(([name, value]) =>
    h(
      "div",
      { class: "type" },
      h("dt", {}, capital(typeText(name))),
      h("dd", {}, h("span", { class: "bar", vars: { "--share": `${(100 * value).toFixed(1)}%` } }, h("span", { class: "filled" })), h("span", { class: "number" }, probabilityText(value))),
    ),
  );
  return [h("h3", {}, typeHeading(finding)), h("p", {}, typeSentence(finding, loaded)), h("dl", { class: "types" }, ...rows)];
}
