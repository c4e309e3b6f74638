/** How much a scan looks like an MRI of a head (`tumorscope.preprocessing.input_check.model`). */

import { median, sum } from "../arrays/statistics";
import { range, slicesOf, spreadEvenly, type Volume } from "../arrays/volume";
import type { InputCheck } from "../findings/card";
import { headMask } from "../preparation/head";
import { measures, thumbnail } from "./features";
import { headView } from "./views";

const MOST_SLICES = 16;
const FAR = 6;

/** The median score of the slices with much head in them; log-odds, to be compared with the check's threshold. */
export function scanScore(volume: Volume, check: InputCheck, pixelAspect: number): number {
  const some = slicesOf(volume, spreadEvenly(volume.shape[0], 2 * MOST_SLICES));
  const chosen = slicesWithMuchHead(some);
  const few = spreadEvenly(chosen.length, MOST_SLICES).map((index) => chosen[index]);
  return median(few.map((slice) => score(slicesOf(some, [slice]), check, pixelAspect)));
}

function slicesWithMuchHead(volume: Volume): number[] {
  const head = headMask(volume);
  const pixels = volume.shape[1] * volume.shape[2];
  const shares = range(volume.shape[0]).map((slice) => sum(head.subarray(slice * pixels, (slice + 1) * pixels)));
  const most = Math.max(...shares);
  return range(shares.length).filter((slice) => shares[slice] >= 0.5 * most);
}

function score(image: Volume, check: InputCheck, pixelAspect: number): number {
  const view = headView(image, pixelAspect);
  const away = thumbnail(view).map((value, pixel) => value - check.shape.mean[pixel]);
  const along = check.shape.axes.map((axis) => sum(axis.map((value, pixel) => value * away[pixel])));
  const off = Math.sqrt(Math.max(sum(away.map((value) => value * value)) - sum(along.map((value) => value * value)), 0));
  const scaled = [...measures(view), ...along, off].map((value, index) =>
    Math.min(Math.max((value - check.center[index]) / check.spread[index], -FAR), FAR),
  );
  const votes = check.members.map(({ hinges, offset, out, bias }) => {
    const open = hinges.map((hinge, index) => Math.max(sum(hinge.map((weight, input) => weight * scaled[input])) + offset[index], 0));
    return sum(open.map((value, index) => value * out[index])) + bias;
  });
  return sum(votes) / votes.length;
}
