/** From a scan to findings: check the input, prepare, infer, postprocess (`tumorscope.inference.analysis`). */

import { slicesOf, type Volume } from "../arrays/volume";
import { Preparation } from "../preparation/prepare";
import { between, sampleSlices } from "../preparation/sampling";
import { pixelAspect, type Scan } from "../reading/scan";
import { activationMap } from "./activation";
import type { Card, TypeCheck } from "./card";
import { keptPixels } from "./components";
import { contourSegments } from "./contour";
import { mixed, type Network, type Prediction } from "./network";
import { findType, type TypeFinding } from "./tumor-type";

/** What was found in one slice. */
export interface SliceFinding {
  readonly probability: number;
  readonly positive: boolean;
  readonly areaPx: number;
  readonly areaMm2: number | null;
  /** One for the pixels of the mask. */
  readonly mask: Uint8Array;
  /** Line segments, see {@link contourSegments}. */
  readonly contour: Float32Array;
  /** From zero to one. */
  readonly map: Float32Array;
  readonly type: TypeFinding | null;
}

/** What was found in a whole scan. */
export interface ScanFinding {
  readonly probability: number;
  readonly positive: boolean;
  readonly probabilities: readonly number[];
  readonly volumeMm3: number | null;
  readonly type: TypeFinding | null;
  readonly slices: readonly SliceFinding[];
}

export class Analysis {
  readonly #sampled: number[];
  readonly #preparation: Preparation;

  constructor(
    private readonly scan: Scan,
    private readonly network: Network,
    private readonly card: Card,
    private readonly typeCheck: TypeCheck,
  ) {
    const { volume, spacingMm } = scan;
    this.#sampled = sampleSlices(volume.shape[0], spacingMm && spacingMm[0], card.preparation.slice_distance_mm);
    this.#preparation = new Preparation(this.#analyzed(), card.preparation.size, pixelAspect(scan));
  }

  /** One slice alone, on the scan's frame and scale. */
  async slice(index: number): Promise<SliceFinding> {
    const prediction = await this.#predict(index);
    const [finding] = this.#findings([prediction]);
    return finding;
  }

  /**
   * Every slice, as one volume.
   *
   * @param goOn is told after each slice how many are done; false ends the analysis
   * @returns null where it was ended
   */
  async whole(goOn: (done: number, of: number) => Promise<boolean>): Promise<ScanFinding | null> {
    const sampled: Prediction[] = [];
    for (const index of this.#sampled) {
      sampled.push(await this.#predict(index));
      if (!(await goOn(sampled.length, this.#sampled.length))) return null;
    }
    const predictions = between(this.scan.volume.shape[0], this.#sampled).map(({ lower, share }) =>
      mixed(sampled[lower], sampled[Math.min(lower + 1, sampled.length - 1)], share),
    );
    const slices = this.#findings(predictions);
    const probabilities = slices.map(({ probability }) => probability);
    const probability = Math.max(...probabilities);
    const pixels = slices.reduce((all, { areaPx }) => all + areaPx, 0);
    const { spacingMm } = this.scan;
    return {
      probability,
      positive: probability >= this.card.operating_point.presence,
      probabilities,
      volumeMm3: spacingMm && pixels * spacingMm[0] * spacingMm[1] * spacingMm[2],
      type: this.#type(predictions, slices),
      slices,
    };
  }

  #analyzed(): Volume {
    return slicesOf(this.scan.volume, this.#sampled);
  }

  #predict(index: number): Promise<Prediction> {
    return this.network.run(this.#preparation.image(this.scan.volume, index));
  }

  /** Findings of neighboring slices. */
  #findings(predictions: readonly Prediction[]): SliceFinding[] {
    const point = this.card.operating_point;
    const { cropResize } = this.#preparation;
    const [rows, columns] = cropResize.shape;
    const presence = predictions.map((prediction) => 1 / (1 + Math.exp(-prediction.presence / point.temperature)));
    const kept = keptPixels(predictions.map(({ mask }) => mask), presence, cropResize.size, point);
    const threshold = Math.fround(point.mask);
    const { spacingMm } = this.scan;
    return predictions.map((prediction, slice) => {
      // Pixels below the threshold stay, as the enlarged contour runs between them and the kept ones.
      const shown = kept[slice].some(Boolean)
        ? prediction.mask.map((value, pixel) => (value >= threshold && !kept[slice][pixel] ? 0 : value))
        : null;
      const field = shown ? cropResize.inverse(shown) : new Float32Array(rows * columns);
      const mask = Uint8Array.from(field, (value) => (value >= threshold ? 1 : 0));
      const areaPx = mask.reduce((all, value) => all + value, 0);
      const finding = {
        probability: presence[slice],
        positive: presence[slice] >= point.presence,
        areaPx,
        areaMm2: spacingMm && areaPx * spacingMm[1] * spacingMm[2],
        mask,
        contour: contourSegments(field, rows, columns, threshold),
        map: activationMap(prediction, cropResize),
      };
      return { ...finding, type: this.#type([prediction], [finding]) };
    });
  }

  #type(predictions: readonly Prediction[], slices: readonly Omit<SliceFinding, "type">[]): TypeFinding | null {
    const segmented = slices.some(({ areaPx }) => areaPx > 0);
    // A slice is weighted by its area of tumor, or by its tumor probability where nothing is segmented.
    const weights = slices.map(({ areaPx, positive, probability }) => (positive || areaPx ? (segmented ? areaPx : probability) : 0));
    const presence = slices.map(({ probability }) => probability);
    return findType(predictions, weights, presence, this.card, this.typeCheck);
  }
}
