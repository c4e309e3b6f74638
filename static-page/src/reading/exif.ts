/** How a camera or a program says that an image is turned: EXIF in PNG and JPEG (`tumorscope.io.raster`). */

import { startsWith } from "./bytes";
import type { Pixels } from "./pixels";
import { isPng } from "./png";

const UPRIGHT = 1;
const ORIENTATION = 0x112;
const JPEG = [0xff, 0xd8];
const EXIF_SEGMENT = 0xe1;
const SCAN_SEGMENT = 0xda;
/** "Exif" and two zeros, before the directory in a JPEG. */
const EXIF = [0x45, 0x78, 0x69, 0x66, 0, 0];

/** EXIF's number of an image's orientation, 1 to 8; 1 where it says none or cannot be read. */
export function exifOrientation(bytes: Uint8Array): number {
  const directory = isPng(bytes) ? pngExif(bytes) : jpegExif(bytes);
  try {
    return directory ? orientationIn(directory) : UPRIGHT;
  } catch {
    return UPRIGHT; // a truncated directory turns nothing; the pixels are there all the same
  }
}

function pngExif(bytes: Uint8Array): Uint8Array | null {
  const view = viewOf(bytes);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === "eXIf") return bytes.subarray(at + 8, at + 8 + length);
    at += 12 + length;
  }
  return null;
}

function jpegExif(bytes: Uint8Array): Uint8Array | null {
  if (!startsWith(bytes, JPEG)) return null;
  const view = viewOf(bytes);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== SCAN_SEGMENT; at += 2 + view.getUint16(at + 2)) {
    const content = bytes.subarray(at + 4, at + 2 + view.getUint16(at + 2));
    if (bytes[at + 1] === EXIF_SEGMENT && startsWith(content, EXIF)) return content.subarray(EXIF.length);
  }
  return null;
}

/** @throws RangeError where the directory is truncated */
function orientationIn(directory: Uint8Array): number {
  const view = viewOf(directory);
  const little = view.getUint16(0) === 0x4949;
  const start = view.getUint32(4, little);
  const entries = view.getUint16(start, little);
  for (let entry = 0; entry < entries; entry++) {
    const at = start + 2 + 12 * entry;
    if (view.getUint16(at, little) === ORIENTATION) return view.getUint16(at + 8, little);
  }
  return UPRIGHT;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether rows and columns change places, and which of them are then reversed. */
const TURNS: Record<number, readonly [swap: boolean, flipRows: boolean, flipColumns: boolean]> = {
  2: [false, false, true],
  3: [false, true, true],
  4: [false, true, false],
  5: [true, false, false],
  6: [true, false, true],
  7: [true, true, true],
  8: [true, true, false],
};

/** Whether an orientation turns an image at all. */
export function turns(orientation: number): boolean {
  return orientation in TURNS;
}

/** The image as it is to be looked at. */
export function upright(pixels: Pixels, orientation: number): Pixels {
  if (!turns(orientation)) return pixels;
  const [swap, flipRows, flipColumns] = TURNS[orientation];
  const { data, channels } = pixels;
  const [rows, columns] = swap ? [pixels.columns, pixels.rows] : [pixels.rows, pixels.columns];
  const result = data.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [one, other] = [flipRows ? rows - 1 - row : row, flipColumns ? columns - 1 - column : column];
      const from = swap ? other * pixels.columns + one : one * pixels.columns + other;
      for (let channel = 0; channel < channels; channel++) result[(row * columns + column) * channels + channel] = data[from * channels + channel];
    }
  }
  return { data: result, rows, columns, channels };
}
