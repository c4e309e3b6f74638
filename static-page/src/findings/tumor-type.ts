/** The type of a tumor, and when none is named: `tumorscope.inference.tumor_type` and `type_check`. */

import type { Card, Resemblance, TypeCheck } from "./card";
import type { Prediction } from "./network";

export type TypeDoubt = "low_probability" | "other_or_unsure" | "isolated_slice" | "other_sequence";

export interface TypeFinding {
  readonly likeliest: string;
  readonly probability: number;
  readonly probabilities: Readonly<Record<string, number>>;
  /** Why no type is named; null where one is. */
  readonly doubt: TypeDoubt | null;
}

export function softmax(logits: ArrayLike<number>, temperature: number): number[] {
  const scaled = Array.from(logits, (logit) => logit / temperature);
  const top = Math.max(...scaled);
  const powers = scaled.map((value) => Math.exp(value - top));
  const total = powers.reduce((all, one) => all + one, 0);
  return powers.map((power) => power / total);
}

/**
 * One type for several slices.
 *
 * @param weights of the slices, such as their areas of tumor
 * @param presence probability of each slice
 * @returns null where all weights are zero
 */
export function findType(
  predictions: readonly Prediction[],
  weights: readonly number[],
  presence: readonly number[],
  card: Card,
  check: TypeCheck,
): TypeFinding | null {
  const total = weights.reduce((all, one) => all + one, 0);
  if (!(total > 0)) return null;
  const point = card.operating_point;
  const bySlice = predictions.map(({ types }) => softmax(types, point.type_temperature));
  const means = card.classes.map((_, type) => bySlice.reduce((all, one, slice) => all + one[type] * weights[slice], 0) / total);
  const best = means.indexOf(Math.max(...means));
  const finding = { likeliest: card.classes[best], probability: means[best], probabilities: Object.fromEntries(card.classes.map((name, type) => [name, means[type]])) };
  let doubt: TypeDoubt | null = null;
  if (finding.probability < point.type_confidence) doubt = "low_probability";
  else if (!carriesType(presence, point.presence)) doubt = "isolated_slice";
  else if (isUnlike(predictions, weights, total, finding.likeliest, card, check)) doubt = "other_or_unsure";
  return { ...finding, doubt };
}

/** The same type where the image is of another sequence than the types were learned on: the network's numbers stay. */
export function onOtherSequence(finding: TypeFinding): TypeFinding {
  return finding.doubt === "low_probability" ? finding : { ...finding, doubt: "other_sequence" };
}

/** Whether slices show a tumor well enough for its type to be named. */
function carriesType(presence: readonly number[], threshold: number): boolean {
  if (threshold <= 0) return true;
  const positive = presence.map((value) => value >= threshold);
  return positive.some((value, slice) => value && positive[slice + 1]) || presence.some((value) => value >= (1 + threshold) / 2);
}

/** Whether a tumor is unlike those that its type was learned from. */
function isUnlike(
  predictions: readonly Prediction[],
  weights: readonly number[],
  total: number,
  type: string,
  card: Card,
  check: TypeCheck,
): boolean {
  const away = check.feature_mean.map(
    (mean, feature) => predictions.reduce((all, one, slice) => all + one.typeFeatures[feature] * weights[slice], 0) / total - mean,
  );
  const coordinates = check.axes.map((axis) => axis.reduce((all, value, feature) => all + value * away[feature], 0));
  const heaviest = weights.indexOf(Math.max(...weights));
  const geometry = maskGeometry(predictions[heaviest].mask, card.preparation.size, card.operating_point.mask);
  return (
    distance(check.appearance, type, coordinates) > check.appearance.limit || distance(check.place, type, geometry) > check.place.limit
  );
}

/** Mahalanobis distance to the nearest center of a type. */
function distance(resemblance: Resemblance, type: string, measures: readonly number[]): number {
  const scaled = measures.map((value, index) => (value - resemblance.mean[index]) / resemblance.spread[index]);
  const precision = resemblance.precision[type];
  const squares = resemblance.centers[type].map((center) => {
    const away = scaled.map((value, index) => value - center[index]);
    return away.reduce((all, value, row) => all + value * precision[row].reduce((sum, weight, col) => sum + weight * away[col], 0), 0);
  });
  return Math.sqrt(Math.max(0, Math.min(...squares)));
}

/** Root of the mask's share of the image, its row, and how far it is from the middle column, as shares of the image. */
function maskGeometry(mask: Float32Array, size: number, threshold: number): [number, number, number] {
  let [count, rows, columns] = [0, 0, 0];
  mask.forEach((value, pixel) => {
    if (value < Math.fround(threshold)) return;
    count += 1;
    rows += Math.floor(pixel / size);
    columns += pixel % size;
  });
  if (!count) return [0, 0, 0];
  return [Math.sqrt(count / mask.length), (rows / count + 0.5) / size, Math.abs((columns / count + 0.5) / size - 0.5)];
}
