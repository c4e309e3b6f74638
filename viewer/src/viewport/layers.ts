/** What lies over the images, the segmentation and the activation map: fetching them, and the segmentation as a file again. */

import type { Grid } from "./geometry";
import type { Loader } from "./loading";
import { Mask } from "./mask";
import { gzipped, niftiOfBytes, type NiftiImage } from "./nifti";

export const MASK = "mask";
export const ACTIVATION = "activation";

export class Layers {
  mask: Mask | null = null;
  activation: Uint8Array | null = null;
  /** There is no segmentation, or it could not be loaded. */
  missing: boolean;
  private image: NiftiImage | null = null;
  private loading: Promise<void> = Promise.resolve();

  constructor(private readonly grid: Grid, private readonly loader: Loader, private readonly over: AbortSignal) {
    this.missing = !loader.has(MASK);
  }

  /** Resolves when the segmentation is there, or is known to be missing; rejects with why. */
  loadMask(): Promise<void> {
    const loaded = this.missing ? Promise.resolve() : this.fetchMask();
    this.loading = loaded.catch(() => undefined);
    return loaded;
  }

  async loadActivation(): Promise<void> {
    if (!this.loader.has(ACTIVATION)) return;
    const image = await this.loader.load(ACTIVATION);
    if (!this.over.aborted && image.voxels instanceof Uint8Array && this.fits(image)) this.activation = image.voxels;
  }

  /** The segmentation as it is drawn now, as a file. */
  async file(): Promise<Blob> {
    await this.loading;
    if (!this.mask || !this.image) throw new Error("The segmentation could not be loaded, so it cannot be saved.");
    return gzipped(niftiOfBytes(this.image, this.mask.voxels));
  }

  release(): void {
    this.mask = this.image = this.activation = null;
  }

  private async fetchMask(): Promise<void> {
    try {
      const image = await this.loader.load(MASK);
      if (this.over.aborted) return;
      if (!(image.voxels instanceof Uint8Array) || !this.fits(image)) throw new Error("The segmentation lies on another grid than the scan.");
      this.image = image;
      this.mask = new Mask(this.grid, image.voxels);
    } catch (error) {
      this.missing = true;
      throw error;
    }
  }

  private fits({ dims }: NiftiImage): boolean {
    return dims.every((size, axis) => size === this.grid.dims[axis as 0 | 1 | 2]);
  }
}
