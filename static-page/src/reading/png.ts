/** PNG with the exact numbers that are stored: browsers reduce sixteen bits to eight, and some apply color profiles. */

import { decompress, startsWith } from "./bytes";
import { MAX_PIXELS, type Pixels } from "./pixels";
import { UnreadableScan } from "./scan";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** First row and column of a pass, and how far it is to the next ones. */
type Pass = readonly [row: number, column: number, rowStep: number, columnStep: number];
const ALL_AT_ONCE: readonly Pass[] = [[0, 0, 1, 1]];
const INTERLACED: readonly Pass[] = [[0, 0, 8, 8], [0, 4, 8, 8], [4, 0, 8, 4], [0, 2, 4, 4], [2, 0, 4, 2], [0, 1, 2, 2], [1, 0, 2, 1]];

interface Parts {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly color: number;
  readonly interlaced: boolean;
  readonly palette: Uint8Array;
  readonly transparency: Uint8Array;
  readonly data: Uint8Array<ArrayBuffer>;
}

export function isPng(bytes: Uint8Array): boolean {
  return startsWith(bytes, SIGNATURE);
}

/** @throws UnreadableScan */
export async function readPng(bytes: Uint8Array): Promise<Pixels> {
  const parts = readChunks(bytes);
  const lines = await decompress(parts.data, "deflate").catch(() => {
    throw new UnreadableScan("The PNG is damaged or truncated. Save it again.");
  });
  const samples = SAMPLES[parts.color];
  return toPixels(parts, unpackPasses(lines, parts, samples), samples);
}

/** One number per sample of the whole image. */
function unpackPasses(lines: Uint8Array, parts: Parts, samples: number): Uint16Array {
  const whole = new Uint16Array(parts.rows * parts.columns * samples);
  let next = 0;
  for (const place of parts.interlaced ? INTERLACED : ALL_AT_ONCE) {
    const [firstRow, firstColumn, rowStep, columnStep] = place;
    const rows = Math.ceil((parts.rows - firstRow) / rowStep);
    const columns = Math.ceil((parts.columns - firstColumn) / columnStep);
    if (rows < 1 || columns < 1) continue; // a small image has nothing in this pass
    const lineBytes = Math.ceil((columns * samples * parts.depth) / 8);
    const bytes = rows * (lineBytes + 1);
    if (lines.length < next + bytes) throw new UnreadableScan("The PNG is truncated. Save it again.");
    const pass = lines.subarray(next, next + bytes);
    next += bytes;
    unfilter(pass, rows, lineBytes, Math.max(1, (samples * parts.depth) >> 3));
    const values = unpack(pass, { rows, columns, depth: parts.depth }, samples, lineBytes);
    scatter(values, columns, whole, parts.columns, samples, place);
  }
  return whole;
}

/** Put the pixels of a pass where they are in the whole image. */
function scatter(values: Uint16Array, columns: number, whole: Uint16Array, wholeColumns: number, samples: number, [firstRow, firstColumn, rowStep, columnStep]: Pass): void {
  for (let pixel = 0; pixel * samples < values.length; pixel++) {
    const row = firstRow + Math.floor(pixel / columns) * rowStep;
    const column = firstColumn + (pixel % columns) * columnStep;
    for (let sample = 0; sample < samples; sample++) whole[(row * wholeColumns + column) * samples + sample] = values[pixel * samples + sample];
  }
}

function readChunks(bytes: Uint8Array): Parts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, Uint8Array[]>();
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === "IEND") break;
    found.set(name, [...(found.get(name) ?? []), bytes.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  const head = found.get("IHDR")?.[0];
  if (!head || head.length < 13 || !(head[9] in SAMPLES)) throw new UnreadableScan("The PNG is damaged. Save it again.");
  if (found.has("acTL")) throw new UnreadableScan("This is an animated PNG. Save one frame.");
  const size = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [columns, rows] = [size.getUint32(0), size.getUint32(4)];
  if (columns * rows > MAX_PIXELS) throw new UnreadableScan(`${columns}×${rows} pixels are too many. Save the image smaller.`);
  return {
    rows,
    columns,
    depth: head[8],
    color: head[9],
    interlaced: head[12] !== 0,
    palette: found.get("PLTE")?.[0] ?? new Uint8Array(),
    transparency: found.get("tRNS")?.[0] ?? new Uint8Array(),
    data: concatenated(found.get("IDAT") ?? []),
  };
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let next = 0;
  for (const part of parts) {
    whole.set(part, next);
    next += part.length;
  }
  return whole;
}

/** Undo PNG's prediction of bytes, in place; each line begins with the number of its filter. */
function unfilter(lines: Uint8Array, rows: number, lineBytes: number, step: number): void {
  for (let row = 0; row < rows; row++) {
    const start = row * (lineBytes + 1) + 1;
    const filter = lines[start - 1];
    for (let index = 0; index < lineBytes; index++) {
      const at = start + index;
      const left = index >= step ? lines[at - step] : 0;
      const up = row ? lines[at - lineBytes - 1] : 0;
      const corner = row && index >= step ? lines[at - lineBytes - 1 - step] : 0;
      const predicted = [0, left, up, (left + up) >> 1, filter === 4 ? paethPredictor(left, up, corner) : 0][filter];
      if (predicted === undefined) throw new UnreadableScan("The PNG is damaged. Save it again.");
      lines[at] += predicted;
    }
  }
}

function paethPredictor(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** One number per sample of a pass. */
function unpack(lines: Uint8Array, { rows, columns, depth }: Pick<Parts, "rows" | "columns" | "depth">, samples: number, lineBytes: number): Uint16Array {
  const result = new Uint16Array(rows * columns * samples);
  const perLine = columns * samples;
  const mask = (1 << depth) - 1;
  for (let row = 0; row < rows; row++) {
    const start = row * (lineBytes + 1) + 1;
    for (let index = 0; index < perLine; index++) {
      const bit = index * depth;
      const at = start + (bit >> 3);
      const value = depth === 16 ? (lines[at] << 8) | lines[at + 1] : (lines[at] >> (8 - depth - (bit & 7))) & mask;
      result[row * perLine + index] = value;
    }
  }
  return result;
}

/** One or three channels of eight or sixteen bits; transparency is laid over black. */
function toPixels({ rows, columns, depth, color, palette, transparency }: Parts, values: Uint16Array, samples: number): Pixels {
  const count = rows * columns;
  const channels = color === 0 || color === 4 ? 1 : 3;
  const deep = depth === 16 && color !== 4; // Python's reader keeps the upper half of gray with transparency
  const data = deep ? new Uint16Array(count * channels) : new Uint8Array(count * channels);
  const opaque = deep ? 65535 : 255;
  const key = color === 0 || color === 2 ? Array.from({ length: transparency.length >> 1 }, (_, index) => (transparency[2 * index] << 8) | transparency[2 * index + 1]) : [];
  const gain = color !== 3 && depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  for (let pixel = 0; pixel < count; pixel++) {
    const at = pixel * samples;
    let alpha = opaque;
    for (let channel = 0; channel < channels; channel++) {
      const raw = values[at + (color === 3 ? 0 : channel)];
      data[pixel * channels + channel] = color === 3 ? palette[3 * raw + channel] : color === 4 && depth === 16 ? raw >> 8 : raw * gain;
    }
    if (color === 3) alpha = transparency[values[at]] ?? opaque;
    else if (color === 4 || color === 6) alpha = color === 4 && depth === 16 ? values[at + 1] >> 8 : values[at + channels];
    else if (key.length === channels && key.every((value, channel) => values[at + channel] === value)) alpha = 0;
    if (alpha === opaque) continue;
    for (let channel = 0; channel < channels; channel++) {
      data[pixel * channels + channel] = Math.round(data[pixel * channels + channel] * (alpha / opaque));
    }
  }
  return { data, rows, columns, channels };
}
