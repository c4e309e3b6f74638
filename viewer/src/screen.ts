/** What the page requires of each of its screens. */

import type { Keys } from "./dialogs";

/** What fills the page between its bars. */
export interface Screen {
  title: string;
  element: HTMLElement;
  /** Shown in the bar at the top. */
  bar?: HTMLElement[];
  keys: Keys[];
  /** Takes a key that nothing else took; true where it did something. */
  onKey(event: KeyboardEvent): boolean;
  /** Called once the element is in the page. */
  shown?(): void;
  /** Whether leaving loses something; asks if so. */
  mayLeave?(): Promise<boolean>;
  destroy(): void;
}
