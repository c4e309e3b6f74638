/** What the page and its worker tell each other. */

import type { ScanFinding, SliceFinding } from "./findings/analysis";
import type { Scan } from "./reading/scan";

export type Request =
  | { readonly kind: "load"; readonly assets: string }
  /** The first run is the slowest, so that it is best done before a file is there. */
  | { readonly kind: "warm up" }
  | { readonly kind: "open"; readonly file: File }
  | { readonly kind: "slice"; readonly index: number; readonly otherSequence: boolean }
  | { readonly kind: "scan"; readonly otherSequence: boolean };

/** How the input check took a scan. */
export type Verdict = "passed" | "doubtful" | "refused";

/** A scan as it is shown. */
export interface Shown {
  readonly name: string;
  readonly kind: Scan["kind"];
  readonly plane: Scan["plane"];
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
  | { readonly kind: "opened"; readonly shown: Shown }
  | { readonly kind: "slice"; readonly index: number; readonly finding: SliceFinding }
  | { readonly kind: "progress"; readonly done: number; readonly of: number }
  | { readonly kind: "scan"; readonly finding: ScanFinding }
  /** One sentence for the visitor, about what a request asked for. */
  | { readonly kind: "failed"; readonly asked: Request["kind"]; readonly reason: string };
