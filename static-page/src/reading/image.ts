/** Single images: PNG by its stored numbers, JPEG and the rest as the browser decodes them. */

import type { Volume } from "../arrays/volume";
import { classifyChannels } from "./color";
import { exifOrientation, turns, upright } from "./exif";
import { MAX_PIXELS, type Pixels } from "./pixels";
import { isPng, readPng } from "./png";
import { type Scan, UnreadableScan } from "./scan";

/** The channel that the network for T1 with contrast takes of three sequences: T1, FLAIR, T1c. */
const T1C = 2;
const GREEN = 1;

/** @throws UnreadableScan */
export async function readImage(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Scan> {
  const orientation = exifOrientation(bytes);
  const pixels = isPng(bytes) ? upright(await readPng(bytes), orientation) : await decodedByBrowser(bytes);
  const { volume, notes } = oneChannel(pixels);
  if (turns(orientation)) notes.push(`Turned upright as its EXIF orientation (${orientation}) says.`);
  return { name, volume, spacingMm: null, kind: "image", plane: null, edges: null, notes };
}

/** The one channel that is analyzed. */
export function oneChannel(pixels: Pixels): { volume: Volume; notes: string[] } {
  const { data, rows, columns, channels } = pixels;
  if (channels === 1) return { volume: { data, shape: [1, rows, columns] }, notes: [] };
  const meaning = classifyChannels(pixels);
  if (meaning === "photograph") throw new UnreadableScan("This looks like a color photograph, not an MRI.");
  const chosen = meaning === "gray" ? GREEN : T1C;
  const notes =
    meaning === "gray"
      ? []
      : ["Three channels that differ: taken for T1, FLAIR and T1c. The network of this page reads the T1c alone."];
  const one = data.filter((_, index) => index % 3 === chosen);
  return { volume: { data: one, shape: [1, rows, columns] }, notes };
}

async function decodedByBrowser(bytes: Uint8Array<ArrayBuffer>): Promise<Pixels> {
  // Without a color profile and upright, as in Python.
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" } as const;
  const bitmap = await createImageBitmap(new Blob([bytes]), options).catch(() => {
    throw new UnreadableScan("The file cannot be read. Give a PNG, a JPEG or a NIfTI file (.nii, .nii.gz).");
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
