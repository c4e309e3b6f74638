/** The images of a study, drawn and corrected: see `createStage`. */

export type { Layout, MaskMode, MaskStyle, Stage, StageOptions, Tool } from "./api";
export { createStage } from "./stage";
