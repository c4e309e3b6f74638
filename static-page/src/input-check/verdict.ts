/** Whether a scan is analyzed: its values first, then its appearance (`tumorscope.inference.analysis`). */

import { slicesOf } from "../arrays/volume";
import type { InputCheck } from "../findings/card";
import type { Verdict } from "../messages";
import { sampleSlices } from "../preparation/sampling";
import { pixelAspect, type Scan } from "../reading/scan";
import { contentReason } from "./content";
import { scanScore } from "./score";

/** @param distanceMm distance of slices in training */
export function verdictOn(scan: Scan, check: InputCheck, distanceMm: number | null): { verdict: Verdict; reason: string | null } {
  const reason = contentReason(scan.volume);
  if (reason) return { verdict: "refused", reason };
  const { volume, spacingMm } = scan;
  const analyzed = slicesOf(volume, sampleSlices(volume.shape[0], spacingMm && spacingMm[0], distanceMm));
  const score = scanScore(analyzed, check, pixelAspect(scan));
  if (score < check.threshold - check.certainty) return { verdict: "refused", reason: null };
  return { verdict: score < check.threshold ? "doubtful" : "passed", reason: null };
}
