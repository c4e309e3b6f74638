/** Keys of the images and of the strip; tools, layouts and sequences have theirs in the shell. */

export interface KeyActions {
  slices: number;
  slice(): number;
  toSlice(index: number): void;
  /** Move the crosshair by so many pixels of the plane looked at. */
  moveCross(across: number, down: number): void;
  /** What a click does, at the crosshair. */
  press(): void;
  zoom(factor: number): void;
  fit(): void;
  removeRuler(): boolean;
}

const FAR = 5;
const ZOOM = 1.2;
const CROSS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] } as const;

/** The slice a key leads to. */
export function slicePressed(key: string, slice: number, slices: number): number | undefined {
  const last = slices - 1;
  const to = {
    ArrowUp: slice - 1, ArrowLeft: slice - 1, ArrowDown: slice + 1, ArrowRight: slice + 1,
    PageUp: slice - FAR, PageDown: slice + FAR, Home: 0, End: last,
  }[key];
  return to === undefined ? undefined : Math.min(Math.max(to, 0), last);
}

/** True where the key was for the images. */
export function pressed(event: KeyboardEvent, actions: KeyActions): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.shiftKey && event.key in CROSS) {
    const [across, down] = CROSS[event.key as keyof typeof CROSS];
    actions.moveCross(across, down);
    return true;
  }
  const slice = slicePressed(event.key, actions.slice(), actions.slices);
  if (slice !== undefined) actions.toSlice(slice);
  else if (event.key === "+" || event.key === "=") actions.zoom(ZOOM);
  else if (event.key === "-") actions.zoom(1 / ZOOM);
  else if (event.key === "f") actions.fit();
  else if (event.key === "Enter" || event.key === " ") actions.press();
  else if (event.key === "Delete" || event.key === "Backspace") return actions.removeRuler();
  else return false;
  return true;
}
