/** What was found, beside the images. Every word of it is set as text. */

import type { Analysis, Lesion, Note, TypeFinding } from "../analysis";
import { INFORMATIVE } from "../analysis";
import type { StudyDetail } from "../api";
import { ofRevision } from "../api";
import { h, newId } from "../dom";
import { explain } from "../explain";
import type { Term } from "../glossary";
import type { IconName } from "../icons";
import { icon } from "../icons";
import { labelColors } from "../viewport/parts";
import { bytesText, capital, countText, dateText, diametersText, momentText, numberText, probabilityText, sequenceLongText, sideText, sliceNumber, typeText, volumeText } from "../wording";

export interface FindingsActions {
  lesion(index: number): void;
  revision(number: number): void;
}

export interface Findings {
  element: HTMLElement;
  /** Marks a lesion in the list. */
  select(index: number | null): void;
}

export function findings(study: StudyDetail, analysis: Analysis, revision: number, actions: FindingsActions, rulers: HTMLElement): Findings {
  const lesions = analysis.lesions.map((lesion, index) => lesionButton(analysis, lesion, index, () => actions.lesion(index)));
  const element = h(
    "aside",
    { class: "findings", "aria-label": "Findings", tabindex: 0 },
    headline(analysis),
    typePart(analysis),
    labelPart(analysis),
    lesionPart(analysis, lesions),
    rulers,
    notePart(analysis),
    revisionPart(study, revision, actions),
    filePart(study, revision),
    aboutPart(study, analysis),
  );
  return {
    element,
    select(index) {
      lesions.forEach((button, each) => button.setAttribute("aria-pressed", String(each === index)));
    },
  };
}

function section(title: string, ...content: (Node | null)[]): HTMLElement {
  const id = newId("part");
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title), ...content);
}

/** A section whose title needs a word of explanation. */
function explained(title: string, term: Term, ...content: (Node | null)[]): HTMLElement {
  const part = section(title, ...content);
  part.querySelector("h2")?.after(explain(term));
  part.classList.add("with-term");
  return part;
}

function headline(analysis: Analysis): HTMLElement {
  if (analysis.input_rejected) {
    return h(
      "section",
      { class: "headline unassessed" },
      h("h2", {}, "Not assessed", explain("inputCheck")),
      h("p", {}, `${capital(analysis.input_rejected.text)}.`),
    );
  }
  const present = analysis.tumor_present === true;
  const size = analysis.lesions.length ? volumeText(analysis.voxels, analysis.volume_mm3, analysis.slices.length === 1) : "–";
  return h(
    "section",
    { class: `headline ${present ? "present" : "absent"}` },
    h("h2", {}, present ? "Tumor found" : "No tumor found"),
    h(
      "dl",
      { class: "metrics" },
      figure("Probability", probabilityText(analysis.tumor_probability), "probability"),
      figure(analysis.volume_mm3 === null ? "Size" : "Volume", size, "volume"),
      figure("Lesions", numberText(analysis.lesions.length), "lesion"),
    ),
    analysis.corrected
      ? h("p", { class: "corrected" }, icon("brush"), "Segmentation corrected by hand. Lesions and volume are of that segmentation; the probability is the network's.")
      : null,
  );
}

function figure(name: string, value: string, term: Term): HTMLElement {
  return h("div", {}, h("dt", {}, name, explain(term)), h("dd", {}, value));
}

function typePart(analysis: Analysis): HTMLElement | null {
  const { tumor_type: network, radiomics_classifier: features } = analysis;
  if (!network && !features) {
    return analysis.tumor_present
      ? section("Type", h("p", { class: "nothing" }, "This network does not predict types."))
      : null;
  }
  const agree = analysis.types_agree;
  return explained(
    "Type",
    "type",
    network ? opinion("Network", network) : null,
    features ? opinion("By shape and texture", features, "radiomics") : null,
    agree === null
      ? null
      : h("p", { class: agree ? "agree" : "disagree" }, icon(agree ? "check" : "warning"), agree ? "Both rate the same type as most likely." : "The two differ."),
  );
}

const UNNAMED: Record<NonNullable<TypeFinding["doubt"]>, { title: string; reason: string }> = {
  low_probability: { title: "Uncertain", reason: "" },
  other_or_unsure: { title: "Other or unsure", reason: "The tumor is unlike those that these types were learned from." },
  isolated_slice: { title: "Not named", reason: "Only single slices show a tumor, and barely." },
  other_sequence: { title: "Not named", reason: "Types were learned on another sequence than this." },
};

function whyUnnamed(finding: TypeFinding): string {
  const { reason } = UNNAMED[finding.doubt ?? "low_probability"];
  return reason || `A type is named from a probability of ${probabilityText(finding.confidence_needed)} on.`;
}

function opinion(source: string, finding: TypeFinding, term?: Term): HTMLElement {
  const named = finding.name === null ? UNNAMED[finding.doubt ?? "low_probability"].title : capital(typeText(finding.name));
  const likely = Object.entries(finding.type_probabilities).sort(([, one], [, other]) => (other ?? 0) - (one ?? 0));
  return h(
    "div",
    { class: "opinion" },
    h("div", { class: "opinion-head" }, h("span", { class: "opinion-source" }, source, term ? explain(term) : null), h("strong", { class: finding.name === null ? "uncertain" : "" }, named)),
    h(
      "ul",
      { class: "bars" },
      ...likely.map(([name, value]) =>
        h(
          "li",
          { class: name === finding.likeliest ? "likeliest" : "" },
          h("span", {}, capital(typeText(name))),
          h("span", { class: "bar", "aria-hidden": "true", vars: { "--share": String(value ?? 0) } }),
          h("span", { class: "value" }, probabilityText(value)),
        ),
      ),
    ),
    finding.name === null ? h("p", { class: "hint" }, whyUnnamed(finding)) : null,
  );
}

function lesionButton(analysis: Analysis, lesion: Lesion, index: number, act: () => void): HTMLButtonElement {
  const slice = analysis.slices.length > 1 ? `slice ${sliceNumber(analysis, lesion.diameters?.slice ?? lesion.largest_slice)}` : null;
  const place = [sideText(lesion), slice].filter(Boolean).join(" · ");
  const rano = lesion.measurable === null ? null : lesion.measurable ? "measurable" : "not measurable";
  return h(
    "button",
    { type: "button", class: "lesion", "aria-pressed": "false", title: lesion.nonmeasurable_reason ? capital(lesion.nonmeasurable_reason) : "Show where it was measured", on: { click: act } },
    h("span", { class: "lesion-number", "aria-hidden": "true" }, index + 1),
    h("span", { class: "unseen" }, `Lesion ${index + 1}: `),
    h(
      "span",
      { class: "lesion-words" },
      h("span", { class: "lesion-size" }, lesion.diameters ? diametersText(lesion.diameters) : "–"),
      h("span", { class: "lesion-place" }, place),
    ),
    h("span", { class: "lesion-end" }, h("span", { class: "lesion-volume" }, volumeText(lesion.voxels, lesion.volume_mm3, analysis.slices.length === 1)), rano ? h("span", { class: "lesion-rano" }, rano) : null),
  );
}

function lesionPart(analysis: Analysis, buttons: HTMLButtonElement[]): HTMLElement | null {
  if (analysis.input_rejected && !buttons.length) return null;
  if (!buttons.length) {
    return section("Lesions", h("p", { class: "nothing" }, analysis.tumor_present ? "Nothing is segmented." : "None."));
  }
  return explained(
    "Lesions",
    "rano",
    h("p", { class: "hint" }, "Longest diameter × the longest across it. Choose one to see where it was measured."),
    h("ol", { class: "lesions" }, ...buttons.map((button) => h("li", {}, button))),
  );
}

/** The labels of a study that two networks read, or one of several compartments, with the colors of their contours. */
function labelPart(analysis: Analysis): HTMLElement | null {
  if (!analysis.labels?.length) return null;
  const colors = labelColors(analysis.labels.map(({ name }) => name));
  const inside = analysis.labels.slice(1).map(({ name }) => name).join(" and the ");
  const [lies, is] = analysis.labels.length === 2 ? ["lies", "is"] : ["lie", "are"];
  return section(
    "Labels",
    h(
      "ul",
      { class: "labels" },
      ...analysis.labels.map(({ name, voxels, volume_mm3, lesions, bundle }, index) => {
        const diameters = lesions[0]?.diameters;
        const size = voxels ? [volumeText(voxels, volume_mm3, analysis.slices.length === 1), diameters ? diametersText(diameters) : ""].filter(Boolean).join(" · ") : "none";
        return h(
          "li",
          {},
          h("span", { class: "swatch", "aria-hidden": "true", vars: { "--swatch": `var(${colors[index] ?? "--lesion"})` } }),
          h("span", { class: "label-name" }, capital(name)),
          h("span", { class: "label-size" }, size),
          h("span", { class: "hint" }, `by the network ${bundle.name}`),
        );
      }),
    ),
    h("p", { class: "hint" }, `The ${inside} ${lies} inside the ${analysis.labels[0]?.name}. The brush corrects the ${analysis.labels[0]?.name}; the ${inside} ${is} cut to it.`),
  );
}

/** Warnings first, after which findings may be wrong; then what was done. */
function notePart(analysis: Analysis): HTMLElement | null {
  // The headline says why a scan was not assessed; the same warning adds an option of the command line.
  const warnings = analysis.warnings.filter(({ code }) => !INFORMATIVE.has(code) && code !== analysis.input_rejected?.code);
  const others = analysis.warnings.filter(({ code }) => INFORMATIVE.has(code));
  if (!warnings.length && !others.length) return null;
  const line = (name: IconName, { text }: Note) => h("li", { class: name }, icon(name), h("span", {}, capital(text)));
  return section("Please note", h("ul", { class: "notes" }, ...warnings.map((note) => line("warning", note)), ...others.map((note) => line("info", note))));
}

function revisionPart(study: StudyDetail, shown: number, actions: FindingsActions): HTMLElement | null {
  if (study.revisions.length < 2) return null;
  const newest = [...study.revisions].sort((one, other) => other.revision - one.revision);
  return explained(
    "Versions",
    "revision",
    h(
      "ol",
      { class: "revisions" },
      ...newest.map(({ revision, kind, created }) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "revision", "aria-pressed": String(revision === shown), on: { click: () => actions.revision(revision) } },
            h("span", {}, `Version ${revision}`),
            h("span", {}, kind === "edit" ? "segmentation corrected" : "analysis"),
            h("time", { datetime: created, title: dateText(created) }, momentText(created)),
          ),
        ),
      ),
    ),
  );
}

function filePart(study: StudyDetail, revision: number): HTMLElement | null {
  if (!study.files.length) return null;
  const newest = revision === study.revision;
  const part = section(
    "Downloads",
    h(
      "ul",
      { class: "files" },
      ...study.files.map(({ name, title, bytes, href }) =>
        h(
          "li",
          { class: name === "results.zip" ? "whole" : "" },
          h("a", { href: ofRevision(href, revision), download: "", "data-file": name }, icon("download"), h("span", {}, title)),
          // The service tells sizes of the newest version only.
          newest && name !== "results.zip" ? h("span", { class: "bytes" }, bytesText(bytes)) : null,
        ),
      ),
    ),
  );
  part.classList.add("downloads");
  return part;
}

function aboutPart(study: StudyDetail, analysis: Analysis): HTMLElement {
  const { shape, spacing_mm: spacing, sequences } = analysis.geometry;
  const voxel = spacing ? `${[spacing[2], spacing[1], spacing[0]].map((each) => numberText(each, 2)).join(" × ")} mm` : "not known";
  const spent = Object.values(analysis.timing_ms).reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const rows: [string, string, Term?][] = [
    ["Sequences", sequences.map(sequenceLongText).join(", ")],
    ["Grid", `${shape[2]} × ${shape[1]}, ${countText(shape[0], "slice")}`],
    ["Voxel", voxel],
    ["Network", [...new Set((analysis.labels?.length ? analysis.labels : [analysis]).map(({ bundle }) => `${bundle.name} ${bundle.version}`))].join(", "), "bundle"],
    ["Counts as tumor from", numberText(analysis.operating_point.presence, 2), "operatingPoint"],
    ["Run by", `${analysis.engine.runtime}, ${analysis.engine.precision}`],
    ["Took", `${numberText(spent / 1000, 1)} s`],
    ["Added", dateText(study.created)],
    ["Expires", study.expires ? `${dateText(study.expires)} (${momentText(study.expires)})` : "never"],
  ];
  return section(
    "About this analysis",
    h("dl", { class: "about" }, ...rows.map(([name, value, term]) => h("div", {}, h("dt", {}, name, term ? explain(term) : null), h("dd", {}, value)))),
    analysis.bundle.reason ? h("p", { class: "nothing" }, capital(analysis.bundle.reason)) : null,
  );
}
