/** What screen readers hear of the images: how to move, and which slice is shown. */

import { setText } from "../dom";

const SPOKEN_AFTER_MS = 350;
const HELP = "Arrow keys change the slice. With Shift they move the crosshair, and Enter uses the tool there.";

let statuses = 0;

export class ScreenReaderStatus {
  readonly elements: readonly HTMLElement[];
  private readonly live = unseen();
  private readonly help = unseen();
  private waiting = 0;

  constructor(described: HTMLElement) {
    this.live.setAttribute("role", "status");
    this.help.id = `viewport-help-${(statuses += 1)}`;
    setText(this.help, HELP);
    described.setAttribute("aria-describedby", this.help.id);
    this.elements = [this.live, this.help];
  }

  tell(words: string): void {
    setText(this.live, words);
  }

  /** Said once the slices have come to rest. */
  tellAtRest(words: () => string): void {
    clearTimeout(this.waiting);
    this.waiting = globalThis.setTimeout(() => this.tell(words()), SPOKEN_AFTER_MS) as unknown as number;
  }

  stop(): void {
    clearTimeout(this.waiting);
  }
}

function unseen(): HTMLElement {
  const element = document.createElement("div");
  element.className = "unseen";
  return element;
}
