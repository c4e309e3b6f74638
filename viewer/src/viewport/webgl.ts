/** Whether NiiVue can draw here, and how fast. */

/** `?canvas` in the address, before or behind its hash, asks for the plain canvas. */
export function wantsCanvas(address: string): boolean {
  const { search, hash } = new URL(address);
  const behind = hash.includes("?") ? hash.slice(hash.indexOf("?")) : "";
  return [search, behind].some((query) => new URLSearchParams(query).has("canvas"));
}

/** How WebGL2 is drawn: by a graphics card, by the processor in its place, or not at all. */
export type WebGl = "fast" | "slow" | "none";

let found: WebGl | undefined;

export function webGl(): WebGl {
  found ??= asked();
  return found;
}

function asked(): WebGl {
  const context = document.createElement("canvas").getContext("webgl2");
  if (!context) return "none";
  const info = context.getExtension("WEBGL_debug_renderer_info");
  const name = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name) ? "slow" : "fast";
}
