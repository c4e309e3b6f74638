/** Which tools change the mask, and how. */

import type { Tool } from "../api";

/** Drawn by dragging a brush. */
export function draws(tool: Tool): tool is "brush" | "eraser" {
  return tool === "brush" || tool === "eraser";
}

/** Changes the mask by a click. */
export function clicks(tool: Tool): tool is "fill" | "remove" {
  return tool === "fill" || tool === "remove";
}

export function edits(tool: Tool): boolean {
  return draws(tool) || clicks(tool);
}
