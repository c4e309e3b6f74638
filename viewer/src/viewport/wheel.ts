/** Turns of a wheel, or strokes of a touchpad, as steps from slice to slice. */

const NOTCH = 50;
const CREEP = 30;

export class WheelSteps {
  #creep = 0;

  /** A wheel turns in notches, one slice each; a touchpad creeps. */
  of({ deltaMode, deltaX, deltaY }: Pick<WheelEvent, "deltaMode" | "deltaX" | "deltaY">): number {
    const turned = deltaY || deltaX;
    if (deltaMode !== 0 || Math.abs(turned) >= NOTCH) {
      this.#creep = 0;
      return Math.sign(turned);
    }
    this.#creep += turned;
    const steps = Math.trunc(this.#creep / CREEP);
    this.#creep -= steps * CREEP;
    return steps;
  }
}
