/** Findings in words, those of the report of the full program. */

import { capital, probabilityText, typeText } from "../../../viewer/src/wording";
import type { TypeFinding } from "../findings/tumor-type";
import type { Loaded, Shown } from "../messages";

export const NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment.";

/** The type in one sentence, below its heading. */
export function typeSentence(finding: TypeFinding, { typeConfidence }: Loaded): string {
  const likeliest = typeText(finding.likeliest);
  const probability = probabilityText(finding.probability);
  switch (finding.doubt) {
    case null:
      return `Likeliest type: ${likeliest} (probability ${probability}).`;
    case "other_or_unsure": {
      const known = Object.keys(finding.probabilities).map(typeText).join(", ");
      return `The tumor is unlike those that the types ${known} were learned from. Of these, ${likeliest} is likeliest (probability ${probability}).`;
    }
    case "isolated_slice":
      return `Only single slices show a tumor, and barely; ${likeliest} is likeliest.`;
    case "other_sequence":
      return `Types were learned on another sequence than this; ${likeliest} is likeliest.`;
    case "low_probability":
      return `${capital(likeliest)} is likeliest, but its probability of ${probability} is below ${typeConfidence.toFixed(2)}.`;
  }
}

export function typeHeading(finding: TypeFinding): string {
  return finding.doubt === null ? capital(typeText(finding.likeliest)) : finding.doubt === "other_or_unsure" ? "Type other or unsure" : "Type not named";
}

/** What the input check says; null where it has no doubt. */
export function verdictSentence({ verdict, reason }: Shown): string | null {
  if (verdict === "passed") return null;
  if (verdict === "refused") return `${reason ?? "This does not look like an MRI of a head."} Nothing was assessed.`;
  return "This hardly looks like an MRI of a head; unless it is one, these findings mean nothing.";
}
