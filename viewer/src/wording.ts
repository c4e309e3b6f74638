/** Values in words, the same ones as in the report. */

import type { Diameters, Lesion, SliceFinding } from "./analysis";

const NUMBERS = "en-GB";
const DASH = "–";

export function numberText(value: number, digits = 0): string {
  return value.toLocaleString(NUMBERS, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A probability that is never rounded to certainty. */
export function probabilityText(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const step = 10 ** -digits;
  if (value > 1 - step / 2) return `>${(1 - step).toFixed(digits)}`;
  return value < step / 2 ? `<${step.toFixed(digits)}` : value.toFixed(digits);
}

/** @param flat whether it is a part of a single image, which has pixels */
export function volumeText(voxels: number, mm3: number | null, flat = false): string {
  if (mm3 === null) return flat ? areaText(voxels, null) : countText(voxels, "voxel");
  return mm3 >= 1000 ? `${numberText(mm3 / 1000, 1)} ml` : `${numberText(mm3)} mm³`;
}

export function areaText(pixels: number, mm2: number | null): string {
  if (mm2 === null) return `${numberText(pixels)} px`;
  return `${numberText(mm2, mm2 > 0 && mm2 < 10 ? 1 : 0)} mm²`;
}

/** Longest by perpendicular, as RANO writes it. */
export function diametersText(found: Diameters): string {
  return `${numberText(found.longest.length, 1)} × ${numberText(found.perpendicular.length, 1)} ${found.unit}`;
}

export function sideText(lesion: Lesion): string | null {
  if (lesion.laterality === null) return null;
  return lesion.laterality === "midline" ? "on the midline" : lesion.laterality;
}

/** Slices as an analysis lists them; only their numbers matter here. */
export interface NumberedSlices {
  readonly slices: readonly { readonly number?: number }[];
}

/** Slices of files that do not number them. */
export const COUNTED: NumberedSlices = { slices: [] };

/** The number by which people know a slice, as in the report: its image's in the DICOM series, else counted from 1. */
export function sliceNumber({ slices }: NumberedSlices, index: number): number {
  return slices[index]?.number ?? index + 1;
}

/** Several slices one after the other: "slice 3" or "slices 3 to 8", whichever way the series is numbered. */
export function sliceRangeText(scan: NumberedSlices, first: number, last: number): string {
  const [low, high] = [sliceNumber(scan, first), sliceNumber(scan, last)].sort((one, other) => one - other);
  return low === high ? `slice ${low}` : `slices ${low} to ${high}`;
}

/** A slice among all: "Slice 13 of 24", or "Slice 113 of 101–124" where the series is numbered otherwise. */
export function sliceOfText(scan: NumberedSlices, index: number): string {
  if (scan.slices.length === 1) return "Single image";
  const numbers = scan.slices.map((_, each) => sliceNumber(scan, each));
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return `Slice ${sliceNumber(scan, index)} of ${low === 1 && high === numbers.length ? high : `${low}–${high}`}`;
}

/** What was found on a slice; lines break only between its parts. */
export function sliceFindingText(finding: Pick<SliceFinding, "tumor_probability" | "area_px" | "area_mm2"> | undefined): string {
  if (!finding) return "";
  const parts = [`probability ${probabilityText(finding.tumor_probability)}`];
  if (finding.area_px) parts.push(areaText(finding.area_px, finding.area_mm2));
  return parts.map((part) => part.replaceAll(" ", "\u00a0")).join(" · ");
}

const SEQUENCES: Record<string, string> = { t1: "T1", t1c: "T1c", t2: "T2", flair: "FLAIR", unknown: "sequence not known" };
const SEQUENCES_LONG: Record<string, string> = { t1c: "T1 with contrast" };

/** A sequence as radiologists write it. */
export function sequenceText(name: string): string {
  return SEQUENCES[name] ?? name;
}

export function sequenceLongText(name: string): string {
  return SEQUENCES_LONG[name] ?? sequenceText(name);
}

export function typeText(name: string): string {
  return name === "pituitary" ? "pituitary tumor" : name === "notumor" ? "no tumor" : name;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${numberText(bytes / 1000)} kB`;
  if (bytes < 999_500_000) return `${numberText(bytes / 1e6, bytes < 1e7 ? 1 : 0)} MB`;
  return `${numberText(bytes / 1e9, 1)} GB`;
}

export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A moment seen from now: "5 min ago", "in 29 days". */
export function momentText(moment: string, now = Date.now()): string {
  const away = new Date(moment).getTime() - now;
  const far = Math.abs(away);
  if (far < MINUTE) return away > 0 ? "in a minute" : "just now";
  const [count, unit] =
    far < HOUR
      ? [Math.round(far / MINUTE), "min"]
      : far < DAY
        ? [Math.round(far / HOUR), "h"]
        : [Math.round(far / DAY), Math.round(far / DAY) === 1 ? "day" : "days"];
  return away > 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

export function dateText(moment: string): string {
  return new Date(moment).toLocaleString(NUMBERS, { dateStyle: "medium", timeStyle: "short" });
}

/** How many scans a waiting one waits for. */
export function aheadText(ahead: number | null): string {
  if (ahead === null) return "";
  return ahead ? `${countText(ahead, "scan")} before it` : "next in turn";
}

const OPTIONS: [RegExp, string][] = [
  [/--register\b|co-register/, "Align the series to each other"],
  [/--spacing\b|^spacing:? |leave out the spacing$/, "Voxel size"],
  [/--sequence\b|^sequences:? /, "What is shown"],
];

/** Which option of the page answers to a failure, which names those of the command line; empty where none does. */
export function optionHint(failure: string): string {
  const option = OPTIONS.find(([names]) => names.test(failure))?.[1];
  return option ? `Change the option “${option}” below, then try again.` : "";
}

const STAGES: Record<string, string> = {
  fetching: "Fetching",
  reading: "Reading the files",
  analyzing: "Analyzing",
  writing: "Writing the results",
};

const UNITS: Record<string, string> = { fetching: "file", reading: "file", analyzing: "slice" };

/** What is being done to a study, in words. */
export function stageText(state: string, progress: { stage: string | null; done: number; total: number }): string {
  if (state === "queued") return "Waiting";
  const stage = progress.stage;
  if (stage === null) return state === "fetching" ? "Waiting to be fetched" : "Starting";
  const words = STAGES[stage] ?? capital(stage);
  // The first steps may take a while: a network is loaded then.
  if (progress.total <= 0 || progress.done <= 0) return words;
  return `${words}: ${UNITS[stage] ?? "step"} ${numberText(progress.done)} of ${numberText(progress.total)}`;
}
