/** TIFF: gray or RGB of 8 or 16 bits, palettes, signed values and floats; its pages are slices (`tumorscope.io.raster`). */

import { fromArrayBuffer, type GeoTIFFImage } from "geotiff";
import { turns, upright } from "./exif";
import { MAX_PIXELS, type Pixels } from "./pixels";
import { UnreadableScan } from "./scan";

export interface TiffPages {
  /** All of one size and type, upright; at least one. */
  readonly pages: readonly Pixels[];
  /** The orientation that they were turned by; 1 where they were not. */
  readonly orientation: number;
}

type Values = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

const UPRIGHT = 1;
const PLAIN_ALPHA = 2;
const REDUCED = 1;
const WHITE_IS_ZERO = 0;
const GRAY_OR_RGB = 2;
const PALETTE = 3;
const DEPTHS = [8, 16, 32, 64];
/** None, LZW, Deflate under both numbers, PackBits: what keeps every value. */
const COMPRESSIONS = [1, 5, 8, 32946, 32773];
const MOST_PAGES = 4096;

const SAVE_AS = "Save the image as PNG or as a plain TIFF, or use the full program.";

/** @throws UnreadableScan */
export async function readTiff(bytes: Uint8Array<ArrayBuffer>): Promise<TiffPages> {
  try {
    return await decoded(bytes);
  } catch (error) {
    if (error instanceof UnreadableScan) throw error;
    throw new UnreadableScan("The TIFF is damaged or truncated. Export it again.");
  }
}

async function decoded(bytes: Uint8Array<ArrayBuffer>): Promise<TiffPages> {
  const images = await fullImages(bytes);
  const [first] = images;
  if (!first) throw new UnreadableScan("The TIFF holds no image. Export it again.");
  if (images.some((image) => kindOf(image) !== kindOf(first))) throw new UnreadableScan("The pages of the TIFF differ in size or type. Save each as its own file.");
  const [rows, columns] = [first.getHeight(), first.getWidth()];
  if (rows * columns * images.length > MAX_PIXELS) throw new UnreadableScan(`${images.length} pages of ${columns}×${rows} pixels are too many. Save the image smaller.`);
  await checkStorage(first, images.length);
  const orientation = Number((await first.fileDirectory.loadValue("Orientation")) ?? UPRIGHT);
  const pages: Pixels[] = [];
  for (const image of images) pages.push(upright(await pixelsOf(image), orientation));
  return { pages, orientation: turns(orientation) ? orientation : UPRIGHT };
}

/** The images but for reduced copies of others. */
async function fullImages(bytes: Uint8Array<ArrayBuffer>): Promise<GeoTIFFImage[]> {
  const { buffer, byteOffset, byteLength } = bytes;
  const file = await fromArrayBuffer(buffer.slice(byteOffset, byteOffset + byteLength));
  const count = await file.getImageCount();
  if (count > MOST_PAGES) throw new UnreadableScan(`The TIFF has more than ${MOST_PAGES} pages. Save fewer.`);
  const images: GeoTIFFImage[] = [];
  for (let index = 0; index < count; index++) {
    const image = await file.getImage(index);
    if (!((image.fileDirectory.getValue("NewSubfileType") ?? 0) & REDUCED)) images.push(image);
  }
  return images;
}

/** What all pages share, as text. */
function kindOf(image: GeoTIFFImage): string {
  const { fileDirectory } = image;
  const kind = [image.getWidth(), image.getHeight(), image.getSamplesPerPixel(), image.getBitsPerSample(), image.getSampleFormat()];
  return [...kind, fileDirectory.getValue("PhotometricInterpretation"), fileDirectory.getValue("Compression")].join();
}

/** Refuses what would not have Python's values. */
async function checkStorage(image: GeoTIFFImage, pages: number): Promise<void> {
  const { fileDirectory } = image;
  const refuse = (what: string): never => {
    throw new UnreadableScan(`This page reads no TIFF with ${what}. ${SAVE_AS}`);
  };
  const photometric = photometricOf(image);
  const bits = image.getBitsPerSample() || 1;
  if (!COMPRESSIONS.includes(fileDirectory.getValue("Compression") ?? 1)) refuse("this compression");
  if (!DEPTHS.includes(bits)) refuse(`${bits} bits per pixel`);
  if (photometric > PALETTE) refuse("colors of this kind");
  if (photometric === PALETTE && bits !== 8) refuse("a palette of this size");
  const counted = /^ImageJ=[\s\S]*^images=(\d+)/m.exec(String((await fileDirectory.loadValue("ImageDescription")) ?? ""));
  if (pages === 1 && Number(counted?.[1] ?? 1) > 1) refuse("images beyond its pages, as ImageJ stores large stacks");
}

function photometricOf(image: GeoTIFFImage): number {
  return image.fileDirectory.getValue("PhotometricInterpretation") ?? GRAY_OR_RGB;
}

async function pixelsOf(image: GeoTIFFImage): Promise<Pixels> {
  const size = { rows: image.getHeight(), columns: image.getWidth() };
  const samples = image.getSamplesPerPixel();
  const stored = (await image.readRasters({ interleave: true })) as unknown as Values;
  if (stored.length !== size.rows * size.columns * samples) throw new RangeError("pixels are missing");
  if (photometricOf(image) === PALETTE) return { ...size, data: await withColors(image, stored, samples), channels: 3 };
  const channels = samples > 2 ? 3 : 1;
  const data = asPythonComputes(stored, photometricOf(image) === WHITE_IS_ZERO);
  const extra: ArrayLike<number> = (await image.fileDirectory.loadValue("ExtraSamples")) ?? [];
  return { ...size, data: channelsOf(data, samples, channels, Array.from(extra).includes(PLAIN_ALPHA)), channels };
}

async function withColors(image: GeoTIFFImage, indices: Values, samples: number): Promise<Uint8Array> {
  const colors = (await image.fileDirectory.loadValue("ColorMap")) as ArrayLike<number>;
  const each = colors.length / 3;
  const data = new Uint8Array((indices.length / samples) * 3);
  for (let at = 0; at < data.length; at++) data[at] = colors[(at % 3) * each + indices[Math.floor(at / 3) * samples]] >> 8;
  return data;
}

/** Unsigned bytes and words as they are, everything else as float32; "white is zero" is inverted where it is unsigned. */
function asPythonComputes(stored: Values, inverted: boolean): Pixels["data"] {
  const unsigned = stored instanceof Uint8Array || stored instanceof Uint16Array || stored instanceof Uint32Array;
  if (inverted && unsigned) {
    const most = 2 ** (8 * stored.BYTES_PER_ELEMENT) - 1;
    for (let index = 0; index < stored.length; index++) stored[index] = most - stored[index];
  }
  return stored instanceof Uint8Array || stored instanceof Uint16Array ? stored : Float32Array.from(stored);
}

/** The wanted channels, transparency laid over black. */
function channelsOf(data: Pixels["data"], samples: number, channels: number, plainAlpha: boolean): Pixels["data"] {
  if (samples === channels) return data;
  const chosen = data.slice(0, (data.length / samples) * channels);
  const opaque = data instanceof Uint8Array ? 255 : data instanceof Uint16Array ? 65535 : 1;
  for (let pixel = 0; pixel < data.length / samples; pixel++) {
    const alpha = plainAlpha ? data[pixel * samples + channels] / opaque : 1;
    for (let channel = 0; channel < channels; channel++) {
      const value = data[pixel * samples + channel];
      chosen[pixel * channels + channel] = plainAlpha ? halfToEven(value * alpha) : value;
    }
  }
  return chosen;
}

/** As NumPy rounds. */
function halfToEven(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}
