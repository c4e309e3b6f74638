/**
 * Prepares files as the page does and writes what the network would see, for a test that compares it with Python's.
 *
 * Arguments: the folder for the results, the input check's numbers, then files. Of the n-th file `n.f32` holds the images of the analyzed slices,
 * `n.json` which slices these are, the input check's score and what the values rule out, or why the file cannot be read.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { slicesOf } from "../src/arrays/volume";
import type { InputCheck } from "../src/findings/card";
import { contentReason } from "../src/input-check/content";
import { scanScore } from "../src/input-check/score";
import { Preparation } from "../src/preparation/prepare";
import { sampleSlices } from "../src/preparation/sampling";
import { openScan } from "../src/reading/open";
import { pixelAspect, UnreadableScan } from "../src/reading/scan";

const SIZE = 192;
const DISTANCE_MM = 6;
const [folder, checkFile, ...files] = process.argv.slice(2);
const check = JSON.parse(readFileSync(checkFile, "utf8")) as InputCheck;

for (const [number, file] of files.entries()) {
  try {
    const scan = await openScan(basename(file), new Uint8Array(readFileSync(file)));
    const sampled = sampleSlices(scan.volume.shape[0], scan.spacingMm && scan.spacingMm[0], DISTANCE_MM);
    const analyzed = slicesOf(scan.volume, sampled);
    const preparation = new Preparation(analyzed, SIZE, pixelAspect(scan));
    const images = new Float32Array(sampled.length * SIZE * SIZE);
    sampled.forEach((_, position) => images.set(preparation.image(analyzed, position), position * SIZE * SIZE));
    writeFileSync(join(folder, `${number}.f32`), images);
    writeFileSync(join(folder, `${number}.json`), JSON.stringify({ slices: sampled, reason: contentReason(scan.volume), score: scanScore(analyzed, check, pixelAspect(scan)) }));
  } catch (error) {
    if (!(error instanceof UnreadableScan)) throw error;
    writeFileSync(join(folder, `${number}.json`), JSON.stringify({ error: error.message }));
  }
}
