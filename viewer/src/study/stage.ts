/** The images' stage, which comes as a file of its own: NiiVue is in it. */

import type { Stage, StageOptions } from "../stage/api";

/** Loaded when the first study is opened, while its analysis may still run. */
export async function loadStage(): Promise<(options: StageOptions) => Promise<Stage>> {
  const { createStage } = await import("../stage/index");
  return createStage;
}
