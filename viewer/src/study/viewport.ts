/** The images' viewport, which comes as a file of its own: NiiVue is in it. */

import type { Viewport, ViewportOptions } from "../viewport/api";

/** Loaded when the first study is opened, while its analysis may still run. */
export async function loadViewport(): Promise<(options: ViewportOptions) => Promise<Viewport>> {
  const { createViewport } = await import("../viewport/index");
  return createViewport;
}
