/** Findings as files, made in the page. */

import type { ScanFinding, SliceFinding } from "../findings/analysis";
import type { Loaded, Shown } from "../messages";
import { COUNTED, sliceNumber } from "../../../viewer/src/wording";
import { maskImage } from "./viewport";
import { NOTICE } from "./words";

export async function saveMask(shown: Shown, index: number, finding: SliceFinding): Promise<void> {
  const content = await maskImage(finding, shown).convertToBlob({ type: "image/png" });
  save(content, shown.kind === "image" ? `${stem(shown)}-mask.png` : `${stem(shown)}-slice${sliceNumber(COUNTED, index)}-mask.png`);
}

/**
 * @param sequence as the visitor stated it
 * @param slices findings by slice index, from zero
 */
export function saveFindings(shown: Shown, loaded: Loaded, sequence: string, slices: ReadonlyMap<number, SliceFinding>, scan: ScanFinding | null): void {
  const numbers = ({ probability, positive, areaPx, areaMm2, type }: SliceFinding): object => ({ probability, positive, areaPx, areaMm2, type });
  const content = {
    notice: NOTICE,
    file: shown.name,
    network: `${loaded.name} ${loaded.version}`,
    operatingPoint: loaded.operatingPoint,
    sequence,
    inputCheck: shown.verdict,
    notes: shown.notes,
    spacingMm: shown.spacingMm,
    scan: scan && { probability: scan.probability, positive: scan.positive, volumeMm3: scan.volumeMm3, type: scan.type },
    slices: [...slices].sort(([one], [other]) => one - other).map(([index, finding]) => ({ index, number: sliceNumber(COUNTED, index), ...numbers(finding) })),
  };
  save(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }), `${stem(shown)}-findings.json`);
}

function stem({ name }: Shown): string {
  return name.replace(/(\.nii)?\.[^.]+$/, "");
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
