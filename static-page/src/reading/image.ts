/** Images: PNG and TIFF by their stored numbers, JPEG and the rest as the browser decodes them. */

import type { Volume } from "../arrays/volume";
import { classifyChannels } from "./color";
import { exifOrientation, turns, upright } from "./exif";
import { MAX_PIXELS, type Pixels } from "./pixels";
import { isPng, readPng } from "./png";
import { type Scan, UnreadableScan } from "./scan";
import { readTiff } from "./tiff";

/** The channel that the network for T1 with contrast takes of three sequences: T1, FLAIR, T1c. */
const T1C = 2;
const GREEN = 1;

/** @throws UnreadableScan */
export async function readImage(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Scan> {
  const orientation = exifOrientation(bytes);
  const pixels = isPng(bytes) ? upright(await readPng(bytes), orientation) : await decodedByBrowser(bytes);
  return scanOf(name, [pixels], orientation);
}

/** The pages of a TIFF are the slices of one scan, as in Python. @throws UnreadableScan */
export async function readTiffScan(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Scan> {
  const { pages, orientation } = await readTiff(bytes);
  const scan = scanOf(name, pages, orientation);
  if (pages.length === 1) return scan;
  return { ...scan, kind: "volume", notes: [`${pages.length} pages: taken for the slices of one scan.`, ...scan.notes] };
}

/** @param pages of one size and type */
function scanOf(name: string, pages: readonly Pixels[], orientation: number): Scan {
  const { volume, notes } = oneChannel(pages);
  if (turns(orientation)) notes.push(`Turned upright as its EXIF orientation (${orientation}) says.`);
  return { name, volume, spacingMm: null, kind: "image", plane: null, edges: null, notes };
}

/** The one channel that is analyzed. */
function oneChannel(pages: readonly Pixels[]): { volume: Volume; notes: string[] } {
  const { rows, columns, channels } = pages[0];
  const shape = [pages.length, rows, columns] as const;
  if (channels === 1) return { volume: { data: joined(pages.map(({ data }) => data)), shape }, notes: [] };
  const meanings = pages.map(classifyChannels);
  if (meanings.filter((meaning) => meaning === "photograph").length * 2 > meanings.length) {
    throw new UnreadableScan("This looks like a color photograph, not an MRI.");
  }
  const gray = meanings.every((meaning) => meaning === "gray");
  const chosen = gray ? GREEN : T1C;
  const notes = gray
    ? []
    : ["Three channels that differ: taken for T1, FLAIR and T1c. The network of this page reads the T1c alone."];
  const data = joined(pages.map((page) => page.data.filter((_, index) => index % 3 === chosen)));
  return { volume: { data, shape }, notes };
}

/** Arrays of one type and length, one after the other. */
function joined(arrays: readonly Pixels["data"][]): Pixels["data"] {
  if (arrays.length === 1) return arrays[0];
  const Kind = arrays[0].constructor as new (length: number) => Pixels["data"];
  const all = new Kind(arrays.length * arrays[0].length);
  arrays.forEach((array, position) => all.set(array, position * array.length));
  return all;
}

async function decodedByBrowser(bytes: Uint8Array<ArrayBuffer>): Promise<Pixels> {
  // Without a color profile and upright, as in Python.
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" } as const;
  const bitmap = await createImageBitmap(new Blob([bytes]), options).catch(() => {
    throw new UnreadableScan("The file cannot be read. Give a PNG, JPEG, TIFF or NIfTI file (.nii, .nii.gz).");
  });
  if (bitmap.width * bitmap.height > MAX_PIXELS) throw new UnreadableScan(`${bitmap.width}×${bitmap.height} pixels are too many. Save the image smaller.`);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new UnreadableScan("The browser cannot decode images here. Use a newer one.");
  context.fillRect(0, 0, canvas.width, canvas.height); // transparency over black
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  const colors = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) colors.set(data.subarray(4 * pixel, 4 * pixel + 3), 3 * pixel);
  return { data: colors, rows: height, columns: width, channels: 3 };
}
