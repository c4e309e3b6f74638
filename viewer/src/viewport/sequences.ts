/** The sequences of a study: loaded when first wanted, each with its own window. */

import type { Loader } from "./loading";
import { Volume } from "./volume";
import { autoWindow, sound, type Window } from "./windowing";

export class Sequences {
  /** The one on the screen. */
  shown: Volume;
  private wanted: string;
  private readonly windows = new Map<string, Window>();
  private readonly autos = new Map<string, Window>();

  /** @param volumes of all sequences that have been fetched; shared by the viewports of a scan. */
  constructor(first: Volume, private readonly loader: Loader, private readonly volumes = new Map<string, Volume>()) {
    this.shown = first;
    this.wanted = first.name;
    this.volumes.set(first.name, first);
  }

  get window(): Window {
    return this.windows.get(this.shown.name) ?? this.auto();
  }

  setWindow(low: number, high: number): void {
    if (Number.isFinite(low) && Number.isFinite(high)) this.windows.set(this.shown.name, sound({ low, high }, this.shown));
  }

  /** The window that the shown sequence's own intensities ask for. */
  auto(): Window {
    const { shown } = this;
    const before = this.autos.get(shown.name);
    if (before) return before;
    const found = sound(autoWindow(shown), shown);
    this.autos.set(shown.name, found);
    return found;
  }

  /** The same sequences for another viewport, which shows its own one in its own window. */
  async beside(name: string): Promise<Sequences> {
    return new Sequences(this.volumes.get(name) ?? (await this.load(name)), this.loader, this.volumes);
  }

  /** Whether a sequence would have to be fetched first. */
  misses(name: string): boolean {
    return !this.volumes.has(name);
  }

  /** Show a sequence; false where another was chosen while this one was on its way. */
  async choose(name: string): Promise<boolean> {
    this.wanted = name;
    const volume = this.volumes.get(name) ?? (await this.load(name));
    if (this.wanted !== name) return false;
    this.shown = volume;
    return true;
  }

  async load(name: string): Promise<Volume> {
    const before = this.volumes.get(name);
    if (before) return before;
    const image = await this.loader.load(name);
    this.loader.release(name);
    if (image.dims.some((size, axis) => size !== this.shown.dims[axis as 0 | 1 | 2])) {
      throw new Error(`The sequence ${name} lies on another grid than the others.`);
    }
    const volume = this.volumes.get(name) ?? new Volume(name, image);
    this.volumes.set(name, volume);
    return volume;
  }
}
