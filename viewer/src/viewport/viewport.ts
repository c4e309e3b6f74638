/** Puts the viewport together: what is loaded, how it is looked at, and who draws it. */

import type { Analysis } from "../analysis";
import type { CompanionOptions, Layout, MaskStyle, Ruler, Viewport, ViewportOptions, Tool } from "./api";
import { Companions } from "./companions";
import { control, type Controlled } from "./controls";
import { Corners } from "./corners";
import { fillBetween, type Between } from "./editing/between";
import { Thresholds, within } from "./editing/threshold";
import { draws } from "./editing/tools";
import { clampVoxel, gridOf, type Grid, type Voxel } from "./geometry";
import type { Spot } from "./gestures";
import { ACTIVATION, Layers, MASK } from "./layers";
import { diameterLines, storedLine } from "./lines";
import { Loader } from "./loading";
import type { Mask } from "./mask";
import { Overlay, type Line } from "./overlay";
import { partsOf, type Part } from "./parts";
import { paneAt, panesOf, toScreen, toVoxel, wholeView, type Pane, type View } from "./panes";
import { Renderers, type Drawn } from "./renderers";
import { Sequences } from "./sequences";
import { SliceNavigator, sliceWords, type StripSlice } from "./slice-navigator";
import { ScreenReaderStatus } from "./screen-reader-status";
import { Volume } from "./volume";
import type { Window } from "./windowing";
import { type NumberedSlices, sliceOfText } from "../wording";

/** Resolves when the first sequence is on the screen; mask and the rest follow by themselves. */
export async function createViewport(options: ViewportOptions): Promise<Viewport> {
  const loader = new Loader(new Map(options.images.map(({ name, href }) => [name, href])));
  const names = options.images.map(({ name }) => name).filter((name) => name !== MASK && name !== ACTIVATION);
  const first = [options.sequence, "flair", "t1c", names[0]].find((name) => name !== undefined && names.includes(name));
  if (first === undefined) throw new Error("This study has no images to show.");
  const image = await loader.load(first);
  loader.release(first);
  const stage = new ViewportView(options, loader, new Sequences(new Volume(first, image), loader));
  stage.begin(names);
  return stage;
}

class ViewportView implements Viewport, Controlled {
  readonly grid: Grid;
  view: View;
  cursor: Voxel;
  layout: Layout = "acquired";
  tool: Tool = "navigate";
  brushPx = 6;
  panes: Pane[] = [];
  width = 1;
  height = 1;
  private readonly renderers: Renderers;
  private readonly overlay = new Overlay();
  private readonly strip: SliceNavigator;
  private readonly corners: Corners;
  private readonly box = document.createElement("div");
  private readonly area = document.createElement("div");
  private readonly status = new ScreenReaderStatus(this.area);
  private readonly over = new AbortController();
  private readonly operatingPoint: number | null;
  private readonly layers: Layers;
  private readonly companions: Companions<ViewportView>;
  private readonly thresholds: Thresholds;
  private readonly shared: { rulers: readonly Line[] };
  private readonly parts: readonly Part[];
  private maskStyle: MaskStyle = { mode: "contour", opacity: 0.9 };
  private activationOpacity = 0;
  private lesion: number | null = null;
  private hover: Spot | null = null;
  private crosshairLed = false;
  private toldProblem: string | null = null;
  private dirty = false;
  private frame = 0;

  /** @param first whose mask, rulers and companions it shares; else it has its own. */
  constructor(
    private readonly options: ViewportOptions,
    private readonly loader: Loader,
    private readonly sequences: Sequences,
    private readonly first?: ViewportView,
  ) {
    const { analysis } = options;
    this.grid = gridOf(sequences.shown.dims, analysis.geometry.affine);
    this.companions = first?.companions ?? new Companions();
    this.companions.join(this);
    this.thresholds = first?.thresholds ?? new Thresholds();
    this.shared = first?.shared ?? { rulers: (options.rulers ?? []).map((ruler) => storedLine(this.grid, ruler)) };
    this.view = wholeView(this.grid);
    this.cursor = startingPlace(analysis, this.grid, options.slice);
    this.operatingPoint = options.operatingPoint ?? presencePoint(analysis);
    this.layers = first?.layers ?? new Layers(this.grid, loader, this.over.signal);
    this.parts = partsOf(analysis, this.grid.dims);
    this.renderers = new Renderers(this.grid, (element) => this.area.prepend(element), () => this.changed(), first !== undefined || options.plain);
    this.corners = new Corners(this.grid, analysis);
    this.strip = new SliceNavigator({
      slices: this.grid.dims[2],
      numbered: analysis,
      operatingPoint: this.operatingPoint,
      describe: (index) => this.words(index),
      chosen: (index) => this.setSlice(index),
    });
    this.assemble();
    control(this, this.area, this.strip.element, this.over.signal);
  }

  /** Draw now, then load what is still to come. */
  begin(names: readonly string[]): void {
    this.render();
    this.options.onSlice?.(this.slice);
    this.windowChanged();
    this.tellRulers();
    void this.load(names);
  }

  // How it is looked at

  get slice(): number {
    return this.cursor[2];
  }

  get volume(): Volume {
    return this.sequences.shown;
  }

  private get mask(): Mask | null {
    return this.layers.mask;
  }

  get window(): Window {
    return this.sequences.window;
  }

  setSlice(index: number): void {
    this.setCursor([this.cursor[0], this.cursor[1], index]);
  }

  setCursor(voxel: Readonly<Voxel>): void {
    const to = clampVoxel(this.grid, voxel);
    if (to.every((value, axis) => value === this.cursor[axis])) return;
    const before = this.slice;
    this.cursor = to;
    this.changed();
    this.companions.pass(this, (other) => other.setCursor(to));
    if (before === this.slice) return;
    this.showStrip();
    this.status.tellAtRest(() => this.words(this.slice));
    this.options.onSlice?.(this.slice);
  }

  setView(view: View): void {
    this.view = view;
    this.changed();
    this.options.onView?.(view);
    this.companions.pass(this, (other) => other.setView(view));
  }

  resetView(): void {
    this.setView(wholeView(this.grid));
  }

  setSequence(name: string): void {
    if (!this.loader.has(name) || name === MASK || name === ACTIVATION) return;
    if (this.sequences.misses(name)) this.area.dataset["coming"] = name;
    this.changed();
    this.sequences.choose(name).then(
      (chosen) => {
        if (!chosen || this.over.signal.aborted) return;
        delete this.area.dataset["coming"];
        this.windowChanged();
      },
      (error: unknown) => {
        delete this.area.dataset["coming"];
        this.complain(error);
      },
    );
  }

  setLayout(layout: Layout): void {
    // The volume is drawn in the first viewport alone.
    if (this.first && layout === "volume") return;
    this.layout = this.grid.dims[2] < 2 ? "acquired" : layout;
    this.changed();
    this.companions.pass(this, (other) => other.setLayout(layout));
  }

  get volumeProblem(): string | null {
    return this.renderers.volumeProblem;
  }

  private settleLayout(): void {
    const problem = this.volumeProblem;
    if (problem !== this.toldProblem) this.options.onVolumeProblem?.(problem);
    this.toldProblem = problem;
    if (this.layout !== "volume" || problem === null) return;
    this.layout = "multiplanar";
    this.options.onMessage?.(`${problem} Three planes are shown instead.`);
  }

  setWindow(low: number, high: number): void {
    this.sequences.setWindow(low, high);
    this.windowChanged();
  }

  autoWindow(): void {
    const { low, high } = this.sequences.auto();
    this.setWindow(low, high);
  }

  getWindow(): { low: number; high: number; min: number; max: number } {
    return { ...this.window, min: this.volume.min, max: this.volume.max };
  }

  private windowChanged(): void {
    const { low, high } = this.window;
    this.options.onWindow?.(low, high);
    this.changed();
  }

  setMaskStyle(style: MaskStyle): void {
    this.maskStyle = { ...style };
    this.changed();
    this.companions.pass(this, (other) => other.setMaskStyle(style));
  }

  setActivation(opacity: number): void {
    this.activationOpacity = opacity;
    this.changed();
    this.companions.pass(this, (other) => other.setActivation(opacity));
  }

  setTool(tool: Tool): void {
    const before = this.tool;
    this.tool = tool;
    this.area.dataset["tool"] = tool;
    if (before !== tool) this.options.onTool?.(tool);
    this.changed();
    this.companions.pass(this, (other) => other.setTool(tool));
  }

  setBrush(radiusPx: number): void {
    this.brushPx = Math.max(0, radiusPx);
    this.changed();
    this.companions.pass(this, (other) => other.setBrush(radiusPx));
  }

  setLesion(index: number | null): void {
    this.lesion = index;
    this.companions.pass(this, (other) => other.setLesion(index));
    const lesion = index === null ? undefined : this.options.analysis.lesions[index];
    if (lesion) {
      const [, row, column] = lesion.center;
      this.setCursor([column, row, lesion.diameters?.slice ?? lesion.largest_slice]);
    }
    this.changed();
  }

  get rulers(): readonly Line[] {
    return this.shared.rulers;
  }

  set rulers(rulers: readonly Line[]) {
    this.shared.rulers = rulers;
    this.tellRulers();
    this.companions.pass(this, (other) => other.changed());
  }

  removeRuler(index: number): void {
    this.rulers = this.rulers.filter((_, each) => each !== index);
    this.changed();
  }

  private tellRulers(): void {
    this.options.onRulers?.(this.rulers.map(({ normal, from, to, text }) => ({ normal: normal as Ruler["normal"], from, to, text })));
  }

  setHover(spot: Spot | null): void {
    this.hover = spot;
    if (spot) this.crosshairLed = false;
    this.changed();
  }

  leadCross(): void {
    this.crosshairLed = true;
    this.hover = null;
    this.changed();
  }

  turn(dx: number, dy: number): void {
    this.renderers.turn(dx, dy);
  }

  grow(factor: number): void {
    this.renderers.grow(factor);
  }

  // Correcting the mask

  get paintable(): ((place: number) => boolean) | undefined {
    return this.thresholds.on ? within(this.volume, this.getThreshold()) : undefined;
  }

  setThreshold(on: boolean, range?: Window): void {
    this.thresholds.on = on;
    if (range) this.thresholds.set(this.volume, range);
  }

  getThreshold(): { on: boolean } & Window {
    return { on: this.thresholds.on, ...this.thresholds.of(this.volume, this.window, this.mask) };
  }

  fillBetween(moved: boolean): Between {
    const mask = this.maskToDraw();
    if (!mask) return { kind: "none" };
    const done = fillBetween(mask, this.grid, this.slice, this.options.analysis.geometry.slice_positions, moved);
    if (done.kind === "done") this.maskChanged();
    return done;
  }

  get numbered(): NumberedSlices {
    return this.options.analysis;
  }

  say(line: string): void {
    this.options.onMessage?.(line);
  }

  maskToDraw(): Mask | null {
    if (!this.mask) this.options.onMessage?.(this.layers.missing ? "There is no segmentation to correct." : "The segmentation is not loaded yet.");
    return this.mask;
  }

  maskChanged(): void {
    this.dirty = this.mask?.dirty ?? false;
    this.options.onEdited?.(this.dirty);
    this.showStrip();
    this.changed();
    this.companions.pass(this, (other) => other.maskChanged());
  }

  undo(): void {
    this.afterStep(this.mask?.undo() ?? null);
  }

  redo(): void {
    this.afterStep(this.mask?.redo() ?? null);
  }

  private afterStep(slice: number | null): void {
    if (slice === null) return;
    this.setSlice(slice);
    this.maskChanged();
  }

  history(): { undo: boolean; redo: boolean } {
    return { undo: this.mask?.canUndo ?? false, redo: this.mask?.canRedo ?? false };
  }

  discardEdits(): void {
    this.mask?.discard();
    this.maskChanged();
  }

  maskFile(): Promise<Blob> {
    return this.layers.file();
  }

  // For those who ask

  readPixel([column, row, slice]: readonly [number, number, number]): number {
    return this.volume.at([column, row, slice]);
  }

  screenOf(voxel: readonly [number, number, number]): { x: number; y: number } | null {
    const pane = this.panes.find(({ plane }) => this.cursor[plane.normal] === Math.round(voxel[plane.normal]));
    return pane ? toScreen(pane, [voxel[0], voxel[1], voxel[2]]) : null;
  }

  focus(): void {
    this.area.focus({ preventScroll: true });
  }

  destroy(): void {
    this.over.abort();
    this.companions.leave(this);
    cancelAnimationFrame(this.frame);
    this.status.stop();
    this.renderers.destroy();
    this.overlay.destroy();
    this.box.remove();
    if (this.first) return;
    this.loader.stop();
    this.layers.release();
  }

  // Drawing

  changed(): void {
    if (this.over.signal.aborted) return;
    delete this.area.dataset["settled"];
    this.frame ||= requestAnimationFrame(() => this.render());
  }

  private render(): void {
    this.frame = 0;
    [this.width, this.height] = [this.area.clientWidth, this.area.clientHeight];
    if (!this.width || !this.height) return;
    this.settleLayout();
    const { width, height, grid, cursor, volume, window, mask } = this;
    const { activation } = this.layers;
    const ratio = devicePixelRatio || 1;
    const panes = (this.panes = panesOf(grid, this.layout, width, height, this.view));
    const drawn = this.renderers.draw({ volume, window, panes, cursor, width, height, ratio }, mask);
    const hovered = this.hover && paneAt(panes, this.hover.x, this.hover.y);
    this.overlay.draw({
      panes,
      cursor,
      dims: grid.dims,
      mask,
      parts: this.parts,
      maskStyle: this.maskStyle,
      activation: activation && { bytes: activation, opacity: this.activationOpacity },
      lines: [...diameterLines(this.options.analysis, this.lesion, this.dirty), ...this.rulers],
      crosshair: this.layout === "multiplanar" || this.crosshairLed,
      brush: draws(this.tool) && this.hover && hovered ? { ...this.hover, pane: hovered, radiusPx: this.brushPx, erases: this.tool === "eraser" } : null,
      width,
      height,
      ratio,
    });
    const under = this.hover && hovered ? toVoxel(hovered, this.hover.x, this.hover.y, cursor[hovered.plane.normal]) : this.crosshairLed ? cursor : null;
    this.corners.show(volume, window, under && (under.map(Math.round) as Voxel));
    this.tell(drawn);
  }

  /** What browser tests wait for and measure with; reading it changes nothing. */
  private tell({ kind, passing }: Drawn): void {
    const { dataset } = this.area;
    dataset["slice"] = String(this.slice);
    dataset["layout"] = this.layout;
    dataset["renderer"] = kind;
    dataset["sequence"] = this.volume.name;
    dataset["mask"] = this.mask ? "loaded" : this.layers.missing ? "missing" : "loading";
    dataset["parts"] = this.parts.map(({ name }) => name).join(", ");
    dataset["drawing"] = String(this.mask?.revision ?? 0);
    dataset["panes"] = JSON.stringify(
      this.panes.map(({ plane, rect, acrossScale, acrossStart, downScale, downStart }) => ({
        normal: plane.normal, across: plane.across, down: plane.down, rect, x: [acrossScale, acrossStart], y: [downScale, downStart],
      })),
    );
    if (!passing && !dataset["coming"]) dataset["settled"] = "true";
  }

  private words(index: number): string {
    return sliceWords(sliceOfText(this.options.analysis, index), this.stripSlice(index), this.operatingPoint);
  }

  private stripSlice(index: number): StripSlice {
    const finding = this.options.analysis.slices[index];
    const segmented = this.mask ? (this.mask.inside[index] ?? 0) > 0 : (finding?.area_px ?? 0) > 0;
    return { probability: finding?.tumor_probability ?? null, segmented };
  }

  private showStrip(): void {
    this.strip.show(this.slice, Array.from({ length: this.grid.dims[2] }, (_, index) => this.stripSlice(index)));
  }

  private assemble(): void {
    const { area, box, strip, overlay, corners, status } = this;
    box.className = "viewport-box";
    area.className = "viewport-view";
    area.tabIndex = 0;
    area.setAttribute("role", "application");
    area.setAttribute("aria-roledescription", "image viewer");
    area.setAttribute("aria-label", this.options.label ?? "Images");
    area.dataset["tool"] = this.tool;
    overlay.element.setAttribute("aria-hidden", "true");
    area.append(overlay.element, ...corners.elements);
    box.append(area, strip.element, ...status.elements);
    this.options.element.append(box);
    this.showStrip();
    status.tell(this.words(this.slice));
    const resized = new ResizeObserver(() => {
      this.changed();
      strip.draw();
    });
    resized.observe(box);
    this.over.signal.addEventListener("abort", () => resized.disconnect());
  }

  // Loading

  async companion({ element, sequence, label }: CompanionOptions): Promise<Viewport> {
    const { analysis, onEdited, onMessage, onTool, onRulers } = this.options;
    const own = { element, analysis, images: [], label, operatingPoint: this.operatingPoint, slice: this.slice };
    const heard = { ...(onEdited && { onEdited }), ...(onMessage && { onMessage }), ...(onTool && { onTool }), ...(onRulers && { onRulers }) };
    const made = new ViewportView({ ...own, ...heard }, this.loader, await this.sequences.beside(sequence), this);
    made.cursor = this.cursor;
    made.view = this.view;
    made.tool = this.tool;
    made.area.dataset["tool"] = this.tool;
    made.layout = this.layout === "volume" ? "acquired" : this.layout;
    made.maskStyle = this.maskStyle;
    made.activationOpacity = this.activationOpacity;
    made.brushPx = this.brushPx;
    made.lesion = this.lesion;
    made.dirty = this.dirty;
    made.area.dataset["loaded"] = "true";
    made.showStrip();
    made.changed();
    return made;
  }

  private maskLoaded(): void {
    if (this.mask) this.showStrip();
    this.changed();
  }

  /** The segmentation, then the better renderer, the activation map and the other sequences, one after another. */
  private async load(names: readonly string[]): Promise<void> {
    try {
      await this.layers.loadMask();
    } catch (error) {
      this.complain(error);
    }
    this.maskLoaded();
    this.companions.pass(this, (other) => other.maskLoaded());
    void this.renderers.bring();
    try {
      await this.layers.loadActivation();
      this.changed();
      this.companions.pass(this, (other) => other.changed());
      for (const name of names) await this.sequences.load(name);
    } catch (error) {
      this.complain(error);
    }
    this.area.dataset["loaded"] = "true";
  }

  private complain(error: unknown): void {
    if (this.over.signal.aborted) return;
    this.options.onMessage?.(error instanceof Error ? error.message : String(error));
  }
}

/** Where the largest lesion is, or the scan's middle. */
function startingPlace(analysis: Analysis, grid: Grid, slice: number | undefined): Voxel {
  const lesion = analysis.lesions[0];
  const [, row, column] = lesion?.center ?? [0, (grid.dims[1] - 1) / 2, (grid.dims[0] - 1) / 2];
  const at = slice ?? lesion?.diameters?.slice ?? lesion?.largest_slice ?? Math.floor(grid.dims[2] / 2);
  return clampVoxel(grid, [column, row, at]);
}

function presencePoint(analysis: Analysis): number | null {
  return analysis.operating_point?.presence ?? null;
}
