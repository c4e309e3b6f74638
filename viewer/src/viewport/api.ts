/** What the shell requires of the viewport, and what it receives from it. */

import type { Analysis } from "../analysis";
import type { Between } from "./editing/between";

export type Layout = "acquired" | "multiplanar" | "volume";
/** Brush and eraser draw; fill and remove change the mask by a click. */
export type Tool = "navigate" | "window" | "ruler" | "brush" | "eraser" | "fill" | "remove";
export type MaskMode = "contour" | "fill" | "off";

export interface MaskStyle {
  mode: MaskMode;
  /** 0 to 1. */
  opacity: number;
}

/** A ruler between two places [column, row, slice] of the plane that stands still on an axis. */
export interface Ruler {
  normal: 0 | 1 | 2;
  from: [number, number, number];
  to: [number, number, number];
}

/** What is looked at: the voxel in the middle of every pane, and how much larger than fitted. */
export interface View {
  center: [number, number, number];
  zoom: number;
}

export interface ViewportOptions {
  /** Empty; the viewport fills it and leaves it empty again. */
  element: HTMLElement;
  analysis: Analysis;
  /** Sequences by name, and "mask" and "activation"; each a NIfTI file on the scan's grid. */
  images: { name: string; href: string }[];
  /** The sequence to begin with; else FLAIR, T1 with contrast, or the first. */
  sequence?: string;
  /** The slice to begin with; else the first lesion's largest, or the middle. */
  slice?: number;
  /** Draw on a plain canvas alone: no 3-D view, no graphics card. */
  plain?: boolean;
  /** Rulers that were drawn before. */
  rulers?: readonly Ruler[];
  /** What screen readers call it; "Images" by default. */
  label?: string;
  /** From this probability on a slice counts as one with tumor, where it is known. */
  operatingPoint?: number | null;
  onSlice?(index: number): void;
  onEdited?(dirty: boolean): void;
  onMessage?(line: string): void;
  onWindow?(low: number, high: number): void;
  onTool?(tool: Tool): void;
  /** Whether the volume can be shown has changed: why it cannot, or null. */
  /** The images were moved or zoomed. */
  onView?(view: View): void;
  /** Rulers were drawn, moved or taken away; with their lengths in words. */
  onRulers?(rulers: readonly (Ruler & { text: string })[]): void;
  onVolumeProblem?(reason: string | null): void;
}

export interface CompanionOptions {
  /** Empty, as for the first. */
  element: HTMLElement;
  sequence: string;
  /** What screen readers call it. */
  label: string;
}

export interface Viewport {
  readonly slice: number;
  /** Why the volume cannot be shown; null where it can, now or soon. */
  readonly volumeProblem: string | null;
  setSlice(index: number): void;
  setCursor(voxel: readonly [number, number, number]): void;
  setSequence(name: string): void;
  setLayout(layout: Layout): void;
  /** Of the sequence shown, in its own intensities. */
  setWindow(low: number, high: number): void;
  autoWindow(): void;
  getWindow(): { low: number; high: number; min: number; max: number };
  setMaskStyle(style: MaskStyle): void;
  /** 0 hides it. */
  setActivation(opacity: number): void;
  setTool(tool: Tool): void;
  /** In pixels of the acquired plane. */
  setBrush(radiusPx: number): void;
  /** Brush and eraser change only voxels with intensities of this range of the sequence shown. */
  setThreshold(on: boolean, range?: { low: number; high: number }): void;
  getThreshold(): { on: boolean; low: number; high: number };
  /** Fill the slices between two drawn ones, at the slice shown. */
  fillBetween(moved: boolean): Between;
  removeRuler(index: number): void;
  /** Go to a lesion and stress its diameters; null stresses none. */
  setLesion(index: number | null): void;
  undo(): void;
  redo(): void;
  history(): { undo: boolean; redo: boolean };
  discardEdits(): void;
  /** The mask as it stands, `.nii.gz` on the grid of the mask that came. */
  maskFile(): Promise<Blob>;
  /** Intensity at [column, row, slice], NaN outside the scan. */
  readPixel(voxel: readonly [number, number, number]): number;
  /** Where a voxel's center is, in CSS pixels from the element's corner; null where no plane shows its slice. */
  screenOf(voxel: readonly [number, number, number]): { x: number; y: number } | null;
  /** Another viewport on the same scan and the same mask, which shows another sequence and is led by this one. */
  companion(options: CompanionOptions): Promise<Viewport>;
  setView(view: View): void;
  /** Fit the images into their panes again. */
  resetView(): void;
  focus(): void;
  destroy(): void;
}
