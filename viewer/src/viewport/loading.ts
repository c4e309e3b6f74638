/** Fetching the images of a study: the one shown first, then the mask, then the rest, one after another. */

import { readNifti, type NiftiImage } from "./nifti";

export class Loader {
  private readonly images = new Map<string, Promise<NiftiImage>>();
  private readonly stopping = new AbortController();

  constructor(private readonly addresses: ReadonlyMap<string, string>) {}

  has(name: string): boolean {
    return this.addresses.has(name);
  }

  /** The image, fetched once; one that failed is tried again when it is next asked for. */
  load(name: string): Promise<NiftiImage> {
    const before = this.images.get(name);
    if (before) return before;
    const loading = this.fetch(name);
    this.images.set(name, loading);
    loading.catch(() => this.images.delete(name));
    return loading;
  }

  /** Callers keep the voxels that they asked for; this releases its own reference. */
  release(name: string): void {
    this.images.delete(name);
  }

  stop(): void {
    this.stopping.abort();
    this.images.clear();
  }

  private async fetch(name: string): Promise<NiftiImage> {
    const address = this.addresses.get(name);
    const what = name === "mask" ? "The segmentation" : name === "activation" ? "The activation map" : `The sequence ${name}`;
    if (address === undefined) throw new Error(`${what} is not there.`);
    const response = await fetch(address, { signal: this.stopping.signal, credentials: "same-origin" });
    if (!response.ok || !response.body) throw new Error(`${what} could not be fetched (${response.status}).`);
    try {
      return await readNifti(response.body);
    } catch (error) {
      if (this.stopping.signal.aborted) throw error;
      throw new Error(`${what} could not be read: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
}
