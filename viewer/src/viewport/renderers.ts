/**
 * Who draws: the canvas at once, NiiVue as soon as it has the sequence in the window that is set.
 *
 * NiiVue works a whole volume over for every window, so while a window is being dragged, or a sequence
 * is on its way to the graphics card, the canvas draws the one slice that is looked at.
 */

import { agree } from "./agreement";
import { CanvasImages } from "./canvas-images";
import { thinned, type Grid } from "./geometry";
import type { Images, SliceImage } from "./images";
import type { Mask } from "./mask";
import type { NiivueImages } from "./niivue-images";
import { wantsCanvas, webGl } from "./webgl";

const REST_MS = 160;
/**
 * More voxels than this are not worked over by a processor that plays a graphics card: slices stay on
 * the canvas, and the view of the volume is thinned.
 */
const MOST_SLOW_VOXELS = 4_000_000;

const UNWANTED = "The page's address asks for plain drawing (?canvas), which has no 3-D view. Open it without.";
const NO_WEBGL = "This browser offers no WebGL 2, which the 3-D view needs. Turn on hardware acceleration in its settings, or try another browser.";
const NOT_DRAWN = "The graphics card could not draw this scan in 3-D. Reload the page to try it again.";

export interface Drawn {
  kind: Images["kind"];
  /** Whether something better is on its way. */
  passing: boolean;
}

/** With `plain`, the canvas draws alone. */
export class Renderers {
  private readonly canvas = new CanvasImages();
  private niivue: NiivueImages | null = null;
  private state: "absent" | "possible" | "coming" | "there";
  private readonly onlyVolume: boolean;
  private why = NOT_DRAWN;
  private resting = 0;
  private gone = false;
  private wanted: { image: SliceImage; mask: Mask | null } | null = null;

  constructor(
    private readonly grid: Grid,
    private readonly place: (element: HTMLElement) => void,
    private readonly changed: () => void,
    plain = false,
  ) {
    this.canvas.element.setAttribute("aria-hidden", "true");
    place(this.canvas.element);
    const unwanted = plain || wantsCanvas(location.href);
    const drawnBy = unwanted ? "none" : webGl();
    if (drawnBy === "none") this.why = unwanted ? UNWANTED : NO_WEBGL;
    this.state = drawnBy === "none" ? "absent" : "possible";
    this.onlyVolume = drawnBy === "slow" && thinned(grid, MOST_SLOW_VOXELS) !== grid;
  }

  /** Why the volume cannot be shown; null where it can, now or soon. */
  get volumeProblem(): string | null {
    return this.state === "absent" ? this.why : null;
  }

  /** Fetch NiiVue for the slices, where it draws them well. */
  bring(): void {
    if (!this.onlyVolume) void this.fetch();
  }

  private async fetch(): Promise<void> {
    if (this.state !== "possible" || this.gone) return;
    this.state = "coming";
    try {
      const { NiivueImages } = await import("./niivue-images");
      if (this.gone) return;
      const niivue = await NiivueImages.create(this.onlyVolume ? thinned(this.grid, MOST_SLOW_VOXELS) : this.grid, (element) => {
        element.setAttribute("aria-hidden", "true");
        element.classList.add("waiting");
        this.place(element);
      });
      if (this.gone) niivue?.destroy();
      else if (niivue) {
        this.niivue = niivue;
        niivue.onLost(() => this.drop());
      }
    } catch (error) {
      console.warn("NiiVue cannot draw here; a plain canvas does.", error);
    }
    this.state = this.niivue ? "there" : "absent";
    this.changed();
  }

  draw(image: SliceImage, mask: Mask | null): Drawn {
    const solid = !image.panes.length;
    if (solid) return this.drawVolume(image, mask);
    const { niivue } = this;
    const usable = niivue !== null && !this.onlyVolume;
    // The mask that the view of the volume has would be filled on slices, over the overlay's contour.
    if (usable && niivue.holds(image.volume, image.window) && niivue.holdsMask(null)) {
      niivue.draw(image);
      this.show(niivue);
      return { kind: "niivue", passing: false };
    }
    this.canvas.draw(image);
    this.show(this.canvas);
    if (usable) this.later(image, mask);
    return { kind: "canvas", passing: !this.onlyVolume && (usable || this.coming) };
  }

  private get coming(): boolean {
    return this.state === "possible" || this.state === "coming";
  }

  turn(dx: number, dy: number): void {
    this.niivue?.turn(dx, dy);
    this.changed();
  }

  grow(factor: number): void {
    this.niivue?.grow(factor);
    this.changed();
  }

  destroy(): void {
    this.gone = true;
    clearTimeout(this.resting);
    this.canvas.destroy();
    this.niivue?.destroy();
    this.niivue = null;
  }

  private drawVolume(image: SliceImage, mask: Mask | null): Drawn {
    const { niivue } = this;
    if (!niivue) {
      void this.fetch();
      this.canvas.draw(image);
      this.show(this.canvas);
      return { kind: "canvas", passing: this.coming };
    }
    const held = niivue.holds(image.volume, image.window) && niivue.holdsMask(mask);
    if (!held) this.later(image, mask);
    niivue.draw(image);
    this.show(niivue);
    return { kind: "niivue", passing: !held };
  }

  /** Take the sequence over once the window has come to rest. */
  private later(image: SliceImage, mask: Mask | null): void {
    const before = this.wanted?.image;
    this.wanted = { image, mask };
    const same = before?.volume === image.volume && before.window.low === image.window.low && before.window.high === image.window.high;
    if (same && this.resting) return;
    clearTimeout(this.resting);
    this.resting = window.setTimeout(() => this.takeOver(), REST_MS);
  }

  private takeOver(): void {
    this.resting = 0;
    const { niivue, wanted } = this;
    if (!niivue || !wanted) return;
    const { image, mask } = wanted;
    this.wanted = null;
    const color = getComputedStyle(this.canvas.element).getPropertyValue("--lesion").trim() || "#1ede5c";
    try {
      niivue.take(image.volume, image.window, image.panes.length ? null : mask, color);
      if (image.panes.length) {
        this.canvas.draw(image);
        niivue.draw(image);
        if (!agree(this.canvas.element, niivue.image)) throw new Error("it shows another image than the canvas");
      }
    } catch (error) {
      console.warn("NiiVue is not used for the slices of this scan.", error);
      this.drop();
    }
    this.changed();
  }

  private drop(): void {
    this.niivue?.destroy();
    this.niivue = null;
    this.state = "absent";
    this.changed();
  }

  private show(images: Images): void {
    for (const each of [this.canvas, this.niivue]) each?.element.classList.toggle("waiting", each !== images);
  }
}
