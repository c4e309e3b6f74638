/** What draws the gray images below the overlay; one of two: a plain canvas, or NiiVue. */

import type { Pane } from "./panes";
import type { Volume } from "./volume";
import type { Window } from "./windowing";

export interface SliceImage {
  volume: Volume;
  window: Window;
  panes: readonly Pane[];
  /** Column, row, slice that the panes show. */
  cursor: readonly [number, number, number];
  /** CSS pixels. */
  width: number;
  height: number;
  /** Device pixels a CSS pixel. */
  ratio: number;
}

export interface Images {
  readonly kind: "canvas" | "niivue";
  readonly element: HTMLElement;
  draw(image: SliceImage): void;
  destroy(): void;
}
