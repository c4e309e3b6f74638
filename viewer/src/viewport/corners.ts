/** Words in the corners of the images: the window, and what is under the pointer. */

import { setText } from "../dom";
import { type NumberedSlices, sliceNumber } from "../wording";
import { patientPlace, type Grid, type Voxel } from "./geometry";
import type { Volume } from "./volume";
import { valueText, type Window } from "./windowing";

const SIDES = [["R", "L"], ["A", "P"], ["S", "I"]] as const;

export class Corners {
  private readonly window = corner("window");
  private readonly pointer = corner("pointer");

  constructor(private readonly grid: Grid, private readonly numbered: NumberedSlices) {}

  get elements(): HTMLElement[] {
    return [this.window, this.pointer];
  }

  show(volume: Volume, { low, high }: Window, under: Voxel | null): void {
    const text = (value: number): string => valueText(value, volume);
    setText(this.window, `W ${text(high - low)}  L ${text((low + high) / 2)}`);
    const value = under ? volume.at(under) : NaN;
    if (!under || Number.isNaN(value)) return setText(this.pointer, "");
    const [column, row, slice] = under;
    const place = patientPlace(this.grid, under);
    const mm = place ? `\n${place.map((part, axis) => `${SIDES[axis]?.[part < 0 ? 1 : 0]} ${Math.abs(part).toFixed(1)}`).join("  ")} mm` : "";
    setText(this.pointer, `${text(value)}   column ${column}  row ${row}  slice ${sliceNumber(this.numbered, slice)}${mm}`);
  }
}

function corner(kind: string): HTMLElement {
  const element = document.createElement("div");
  element.className = `viewport-note ${kind}`;
  element.setAttribute("aria-hidden", "true");
  return element;
}
