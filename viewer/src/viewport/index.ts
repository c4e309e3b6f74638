/** The images of a study, drawn and corrected: see `createViewport`. */

export type { Layout, MaskMode, MaskStyle, Viewport, ViewportOptions, Tool } from "./api";
export { createViewport } from "./viewport";
