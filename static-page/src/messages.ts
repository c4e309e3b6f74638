/** What the page and its worker tell each other. */

import type { ScanFinding, SliceFinding } from "./findings/analysis";
import type { Scan } from "./reading/scan";

export type Request =
  | { readonly kind: "load"; readonly assets: string }
  /** The first run is the slowest, so that it is best done before a file is there. */
  | { readonly kind: "warm up" }
  /** A file gets a number, by which all that is asked and told about its scan is known. */
  | { readonly kind: "open"; readonly scan: number; readonly file: File }
  | { readonly kind: "slice"; readonly scan: number; readonly index: number }
  | { readonly kind: "scan"; readonly scan: number }
  /** Ends the analysis of all slices. Another file does so, too. */
  | { readonly kind: "stop"; readonly scan: number };

/** How the input check took a scan. */
export type Verdict = "passed" | "doubtful" | "refused";

/** A scan as it is shown. */
export interface Shown {
  readonly name: string;
  readonly kind: Scan["kind"];
  readonly plane: Scan["plane"];
  readonly edges: Scan["edges"];
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
  readonly spacingMm: Scan["spacingMm"];
  readonly aspect: number;
  readonly notes: readonly string[];
  readonly verdict: Verdict;
  /** What the values show instead of an MRI; null where the appearance alone was assessed. */
  readonly reason: string | null;
  /** Gray levels for the screen, slice after slice. */
  readonly gray: Uint8Array;
}

export interface Loaded {
  readonly threads: number;
  readonly name: string;
  readonly version: string;
  readonly operatingPoint: number;
  readonly typeConfidence: number;
}

export type Response =
  | { readonly kind: "loaded"; readonly loaded: Loaded }
  | { readonly kind: "opened"; readonly scan: number; readonly shown: Shown }
  | AboutScan
  /** One sentence for the visitor, about what a request asked for. */
  | { readonly kind: "failed"; readonly asked: "load" | "warm up"; readonly reason: string }
  | { readonly kind: "failed"; readonly asked: "open"; readonly scan: number; readonly reason: string };

/** What is told about a scan that is open. */
export type AboutScan =
  | { readonly kind: "slice"; readonly scan: number; readonly index: number; readonly finding: SliceFinding }
  | { readonly kind: "progress"; readonly scan: number; readonly done: number; readonly of: number }
  | { readonly kind: "scan"; readonly scan: number; readonly finding: ScanFinding }
  /** Nothing more comes of what was asked: it was ended, or another file came in between. */
  | { readonly kind: "stopped"; readonly scan: number }
  | { readonly kind: "failed"; readonly asked: "slice" | "scan"; readonly scan: number; readonly reason: string };
