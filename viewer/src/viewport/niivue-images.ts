/**
 * Slices and the volume drawn by NiiVue (WebGL2).
 *
 * NiiVue is told which part of each plane fills which pane, so both ways of drawing show the same
 * thing in the same place; it draws no mask, no crosshair and no letters on slices, the overlay does.
 * It always sees the scan straightened onto the patient axes nearest to it, in which the acquired
 * plane stands as the canvas shows it. Where nothing is known of the patient it lies as an axial
 * scan does.
 */

import { NVImage, Niivue, SLICE_TYPE } from "@niivue/niivue";
import { sizeCanvas } from "./canvas";
import type { Axis, Grid, Plane } from "./geometry";
import type { Images, SliceImage } from "./images";
import type { Mask } from "./mask";
import type { Voxels } from "./nifti";
import type { Pane } from "./panes";
import { picked, type Volume } from "./volume";
import type { Window } from "./windowing";

const PLANES: Record<Axis, SLICE_TYPE> = { 0: SLICE_TYPE.SAGITTAL, 1: SLICE_TYPE.CORONAL, 2: SLICE_TYPE.AXIAL };
const KINDS = { uint8: 2, int16: 4, float32: 16, uint16: 512 } as const;
const LESION_MAP = "lesion";

/** NiiVue with its field of view and its tiles set from outside. */
class Tiles extends Niivue {
  /** The part of each plane to be shown, in NiiVue's straightened mm, by slice type. */
  readonly parts = new Map<number, { low: [number, number]; high: [number, number] }>();

  override screenFieldOfViewExtendedVox(axCorSag = 0): ReturnType<Niivue["screenFieldOfViewExtendedVox"]> {
    const whole = super.screenFieldOfViewExtendedVox(axCorSag);
    const part = this.parts.get(axCorSag);
    if (!part) return whole;
    [whole.mnMM[0], whole.mnMM[1]] = part.low;
    [whole.mxMM[0], whole.mxMM[1]] = part.high;
    whole.fovMM[0] = part.high[0] - part.low[0];
    whole.fovMM[1] = part.high[1] - part.low[1];
    return whole;
  }

  /** The tile as it is given: no letterbox within it. */
  override draw2D(leftTopWidthHeight: number[], axCorSag: SLICE_TYPE): void {
    this.draw2DMain(leftTopWidthHeight.map(Math.round), axCorSag);
  }
}

export class NiivueImages implements Images {
  readonly kind = "niivue";
  readonly element = document.createElement("div");
  private readonly canvas = document.createElement("canvas");
  private readonly niivue = new Tiles({
    isResizeCanvas: false,
    interactive: false,
    dragAndDropEnabled: false,
    crosshairWidth: 0,
    isOrientationTextVisible: false,
    isOrientCube: false,
    isRadiologicalConvention: true,
    sagittalNoseLeft: true,
    loadingText: "",
    logLevel: "error",
    backColor: [0, 0, 0, 1],
    renderOverlayBlend: 0.85,
  });
  private taken: { volume: Volume; window: Window; mask: Mask | null; revision: number; image: NVImage } | null = null;

  private constructor(private readonly grid: Grid) {
    this.element.className = "viewport-niivue";
    this.element.append(this.canvas);
  }

  /** Null where this scan cannot be drawn by NiiVue here. */
  static async create(grid: Grid, place: (element: HTMLElement) => void): Promise<NiivueImages | null> {
    if (!standsStraight(grid)) return null;
    const images = new NiivueImages(grid);
    images.niivue.opts.isOrientCube = grid.known;
    place(images.element);
    await images.niivue.attachToCanvas(images.canvas, false);
    const { max2D, max3D } = images.niivue.uiData;
    const most = Math.min(max2D ?? 2048, max3D ?? 256);
    if (grid.dims.some((size) => size > most)) {
      images.destroy();
      return null;
    }
    return images;
  }

  /** Called when the graphics card is taken away, as it is when a laptop sleeps. */
  onLost(told: () => void): void {
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this.element.isConnected) told();
    }, { once: true });
  }

  /** Whether the graphics card holds this sequence in this window. */
  holds(volume: Volume, window: Window): boolean {
    const { taken } = this;
    return taken?.volume === volume && taken.window.low === window.low && taken.window.high === window.high;
  }

  /** Bring a sequence in its window onto the graphics card; with a mask for the view of the volume. */
  take(volume: Volume, window: Window, mask: Mask | null, lesion: string): void {
    const niivue = this.niivue;
    const image = this.taken?.volume === volume ? this.taken.image : this.imageOf(picked(volume.voxels, volume.dims, this.grid.dims), volume.slope, volume.intercept);
    [image.cal_min, image.cal_max] = [window.low, window.high];
    [image.global_min, image.global_max, image.robust_min, image.robust_max] = [volume.min, volume.max, window.low, window.high];
    const overlays: NVImage[] = [];
    if (mask) {
      const [red, green, blue] = channels(lesion);
      niivue.addColormap(LESION_MAP, { R: [red, red], G: [green, green], B: [blue, blue], A: [0, 255], I: [0, 255] });
      const drawn = this.imageOf(picked(mask.voxels, volume.dims, this.grid.dims), 1, 0);
      [drawn.cal_min, drawn.cal_max, drawn.global_min, drawn.global_max, drawn.robust_min, drawn.robust_max] = [0, 1, 0, 1, 0, 1];
      drawn.colormap = LESION_MAP;
      overlays.push(drawn);
    }
    niivue.volumes = [image, ...overlays];
    niivue.back = image;
    niivue.overlays = overlays;
    niivue.updateGLVolume();
    this.taken = { volume, window: { ...window }, mask, revision: mask?.revision ?? 0, image };
  }

  /** Whether the view of the volume has this mask as it stands. */
  holdsMask(mask: Mask | null): boolean {
    return this.taken?.mask === mask && this.taken?.revision === (mask?.revision ?? 0);
  }

  draw({ panes, cursor, width, height, ratio }: SliceImage): void {
    const { niivue, grid } = this;
    sizeCanvas(this.canvas, width, height, ratio);
    niivue.parts.clear();
    if (!panes.length) {
      niivue.customLayout = [];
      niivue.opts.sliceType = SLICE_TYPE.RENDER;
    } else {
      niivue.opts.sliceType = SLICE_TYPE.MULTIPLANAR;
      for (const pane of panes) niivue.parts.set(typeOf(grid, pane.plane), this.partOf(pane));
      niivue.customLayout = panes.map(({ plane, rect }) => ({
        sliceType: typeOf(grid, plane),
        position: [rect.x / width, rect.y / height, rect.width / width, rect.height / height] as [number, number, number, number],
      }));
    }
    for (const axis of [0, 1, 2] as const) {
      const { patient, sign } = grid.runs[axis];
      const place = (cursor[axis] + 0.5) / grid.dims[axis];
      niivue.scene.crosshairPos[patient] = sign > 0 ? place : 1 - place;
    }
    niivue.drawScene();
  }

  turn(dx: number, dy: number): void {
    const { scene } = this.niivue;
    scene.renderAzimuth = (scene.renderAzimuth - dx * 0.5 + 360) % 360;
    scene.renderElevation = Math.min(Math.max(scene.renderElevation + dy * 0.5, -90), 90);
  }

  grow(factor: number): void {
    const { scene } = this.niivue;
    scene.volScaleMultiplier = Math.min(Math.max(scene.volScaleMultiplier * factor, 0.5), 4);
  }

  /** What was drawn last, for as long as nothing else is drawn. */
  get image(): HTMLCanvasElement {
    return this.canvas;
  }

  destroy(): void {
    this.taken = null;
    this.element.remove();
    this.niivue.cleanup();
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private imageOf(voxels: Voxels, slope: number, intercept: number): NVImage {
    const [plain, kind] = plainVoxels(voxels);
    const { dims, spacing } = this.grid;
    const image = new NVImage();
    image.hdr = NVImage.createNiftiHeader([...dims], [...spacing], straightened(this.grid), kind);
    [image.hdr.scl_slope, image.hdr.scl_inter] = [slope, intercept];
    image.img = plain;
    image.nFrame4D = 1;
    image.nVox3D = plain.length;
    image.dims = [...image.hdr.dims];
    image.calculateRAS();
    return image;
  }

  /** The corners of a pane, in NiiVue's mm: it counts from the patient's left, back and feet. */
  private partOf({ plane, rect, acrossScale, acrossStart, downScale, downStart }: Pane): { low: [number, number]; high: [number, number] } {
    const [left, right] = [rect.x, rect.x + rect.width].map((x) => this.millimeters(plane.across, (x - acrossStart) / acrossScale)) as [number, number];
    const [top, bottom] = [rect.y, rect.y + rect.height].map((y) => this.millimeters(plane.down, (y - downStart) / downScale)) as [number, number];
    return { low: [right, bottom], high: [left, top] };
  }

  private millimeters(axis: Axis, at: number): number {
    const image = this.taken?.image;
    const { patient, sign } = this.grid.runs[axis];
    const [low, high] = [image?.extentsMinOrtho?.[patient] ?? 0, image?.extentsMaxOrtho?.[patient] ?? 1];
    const share = (at + 0.5) / this.grid.dims[axis];
    return low + (high - low) * (sign > 0 ? share : 1 - share);
  }
}

function typeOf(grid: Grid, plane: Plane): SLICE_TYPE {
  return PLANES[grid.runs[plane.normal].patient];
}

/** NiiVue shows the acquired plane as it is stored only where it stands as a radiologist expects. */
function standsStraight(grid: Grid): boolean {
  const [column, row, slice] = grid.runs;
  const across = slice.patient === 0 ? 1 : 0;
  const down = slice.patient === 2 ? 1 : 2;
  return column.patient === across && row.patient === down && column.sign < 0 && row.sign < 0;
}

/** The grid's affine, turned onto the nearest patient axes, the scan's middle at zero; row by row. */
function straightened({ dims, spacing, runs }: Grid): number[] {
  const affine = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  for (const axis of [0, 1, 2] as const) {
    const { patient, sign } = runs[axis];
    affine[patient * 4 + axis] = sign * spacing[axis];
    affine[patient * 4 + 3] = (-sign * spacing[axis] * (dims[axis] - 1)) / 2;
  }
  return affine;
}

/** Voxels of a type that graphics cards take. */
function plainVoxels(voxels: Voxels): [Uint8Array | Int16Array | Uint16Array | Float32Array, number] {
  if (voxels instanceof Uint8Array) return [voxels, KINDS.uint8];
  if (voxels instanceof Int16Array) return [voxels, KINDS.int16];
  if (voxels instanceof Uint16Array) return [voxels, KINDS.uint16];
  return [voxels instanceof Float32Array ? voxels : Float32Array.from(voxels), KINDS.float32];
}

function channels(color: string): [number, number, number] {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return [30, 222, 92];
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [red = 30, green = 222, blue = 92] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

