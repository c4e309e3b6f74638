/** NIfTI-1 and NIfTI-2 volumes, plain or compressed with gzip: `tumorscope.io.nifti`. */

import type { Voxels } from "../arrays/volume";
import { column, cross, determinant, type Matrix, norm } from "./affine";
import { decompress, startsWith } from "./bytes";
import { networkView } from "./orientation";
import { type Scan, UnreadableScan } from "./scan";

const MAX_VOXELS = 64_000_000;
const SMALLEST_MM = 1e-3;
const LARGEST_MM = 1e3;
const FLATTEST = 0.01;
const GZIP = [0x1f, 0x8b];

/** Bytes and reader by NIfTI's code of a type. */
const TYPES: Record<number, [bytes: number, read: (view: DataView, at: number, little: boolean) => number, make: new (length: number) => Voxels]> = {
  2: [1, (view, at) => view.getUint8(at), Uint8Array],
  4: [2, (view, at, little) => view.getInt16(at, little), Int16Array],
  8: [4, (view, at, little) => view.getInt32(at, little), Int32Array],
  16: [4, (view, at, little) => view.getFloat32(at, little), Float32Array],
  64: [8, (view, at, little) => view.getFloat64(at, little), Float32Array],
  256: [1, (view, at) => view.getInt8(at), Int8Array],
  512: [2, (view, at, little) => view.getUint16(at, little), Uint16Array],
  768: [4, (view, at, little) => view.getUint32(at, little), Uint32Array],
  1024: [8, (view, at, little) => Number(view.getBigInt64(at, little)), Float64Array],
  1280: [8, (view, at, little) => Number(view.getBigUint64(at, little)), Float64Array],
};

interface Header {
  readonly little: boolean;
  readonly lengths: readonly [number, number, number];
  readonly type: number;
  readonly offset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly affine: Matrix;
  readonly placed: boolean;
}

export function isNifti(bytes: Uint8Array): boolean {
  return version(bytes) !== null;
}

/** @throws UnreadableScan */
export async function readNifti(name: string, file: Uint8Array<ArrayBuffer>): Promise<Scan> {
  let bytes = file;
  if (startsWith(file, GZIP)) {
    bytes = await decompress(file, "gzip").catch(() => {
      throw new UnreadableScan("The file is damaged or truncated (gzip). Copy it again.");
    });
  }
  if (!isNifti(bytes)) throw new UnreadableScan("This is not a NIfTI file, PNG or JPEG.");
  const header = readHeader(bytes);
  const view = networkView(readVoxels(bytes, header), header.lengths, header.affine);
  const notes = header.placed ? [] : ["The header does not say how the head lies; right and left, front and back are assumed."];
  return { name, volume: view.volume, spacingMm: view.spacingMm, kind: "volume", plane: view.plane, edges: header.placed ? view.edges : null, notes };
}

/** 1 or 2, and whether bytes run from the least significant; null where it is neither. */
function version(bytes: Uint8Array): { version: 1 | 2; little: boolean } | null {
  if (bytes.length < 348) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const little of [true, false]) {
    const size = view.getInt32(0, little);
    if (size === 348 && bytes[344] === 0x6e) return { version: 1, little };
    if (size === 540 && bytes[4] === 0x6e) return { version: 2, little };
  }
  return null;
}

function readHeader(bytes: Uint8Array): Header {
  const found = version(bytes);
  if (!found) throw new UnreadableScan("This is not a NIfTI file.");
  const { little } = found;
  const second = found.version === 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[second ? 5 : 345] !== 0x2b) throw new UnreadableScan("This is half of a pair of files (.hdr and .img). Save it as one .nii file.");
  const real = (one: number, two: number): number => (second ? view.getFloat64(two, little) : view.getFloat32(one, little));
  const reals = (one: number, two: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => real(one + 4 * index, two + 8 * index));
  const dims = Array.from({ length: 8 }, (_, index) =>
    second ? Number(view.getBigInt64(16 + 8 * index, little)) : view.getInt16(40 + 2 * index, little),
  );
  const axes = dims.slice(1, 1 + Math.min(Math.max(dims[0], 0), 7));
  const pixdim = reals(76, 104, 4);
  const unit = { 1: 1000, 3: 0.001 }[(second ? view.getInt32(500, little) : bytes[123]) & 7] ?? 1;
  const code = (one: number, two: number): number => (second ? view.getInt32(two, little) : view.getInt16(one, little));
  const [qform, sform] = [code(252, 344), code(254, 348)];
  const lengths = spatialLengths(axes);
  let affine: Matrix;
  if (sform > 0) affine = [reals(280, 400, 4), reals(296, 432, 4), reals(312, 464, 4)];
  else if (qform > 0) affine = quaternionAffine(reals(256, 352, 3), reals(268, 376, 3), pixdim);
  else affine = centeredAffine(lengths, pixdim);
  affine = affine.map((row) => row.map((value) => value * unit));
  if (axes.length === 2 && norm(column(affine, 2)) < 1e-6) addThickness(affine);
  checkAffine(affine);
  return {
    little,
    lengths,
    type: view.getInt16(second ? 12 : 70, little),
    offset: second ? Number(view.getBigInt64(168, little)) : Math.max(view.getFloat32(108, little), 352),
    slope: real(112, 176),
    intercept: real(116, 184),
    affine,
    placed: sform > 0 || qform > 0,
  };
}

function spatialLengths(axes: number[]): [number, number, number] {
  const lengths = [...axes];
  while (lengths.length > 3 && lengths[lengths.length - 1] === 1) lengths.pop();
  if (lengths.length < 2 || Math.min(...lengths) < 1) throw new UnreadableScan("The file holds no slices. Export it again.");
  if (lengths.length > 3) {
    throw new UnreadableScan(`The file holds ${lengths.slice(3).join("×")} volumes. Give a single one, such as the T1 with contrast.`);
  }
  const [columns, rows, slices = 1] = lengths;
  if (columns * rows * slices > MAX_VOXELS) {
    throw new UnreadableScan(`${lengths.join("×")} voxels are more than a page can hold. Use the full program.`);
  }
  return [columns, rows, slices];
}

function quaternionAffine([b, c, d]: number[], offset: number[], pixdim: number[]): Matrix {
  const rest = 1 - (b * b + c * c + d * d);
  const a = Math.sqrt(Math.max(rest, 0));
  const [x, y] = [Math.abs(pixdim[1]), Math.abs(pixdim[2])];
  const z = Math.abs(pixdim[3]) * (pixdim[0] < 0 ? -1 : 1);
  return [
    [(a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * z, offset[0]],
    [2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * z, offset[1]],
    [2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - b * b - c * c) * z, offset[2]],
  ];
}

/** What nibabel assumes where the header places nothing: columns run to the left, the middle is the origin. */
function centeredAffine(lengths: readonly number[], pixdim: number[]): Matrix {
  const sizes = [1, 2, 3].map((axis) => Math.abs(pixdim[axis]) * (axis === 1 ? -1 : 1));
  return sizes.map((size, row) => [...sizes.map((_, col) => (col === row ? size : 0)), (-(lengths[row] - 1) / 2) * size]);
}

/** A third axis of 1 mm at a right angle to two. */
function addThickness(affine: Matrix): void {
  const normal = cross(column(affine, 0), column(affine, 1));
  const length = Math.max(norm(normal), 1e-12);
  for (let row = 0; row < 3; row++) affine[row][2] = normal[row] / length;
}

function checkAffine(affine: Matrix): void {
  const sides = [0, 1, 2].map((axis) => norm(column(affine, axis)));
  const unit = [0, 1, 2].map((row) => [0, 1, 2].map((col) => affine[row][col] / sides[col]));
  const usable = affine.flat().every(Number.isFinite) && Math.min(...sides) > SMALLEST_MM && Math.max(...sides) < LARGEST_MM;
  if (!usable || !(Math.abs(determinant(unit)) >= FLATTEST)) {
    throw new UnreadableScan("The header's affine is singular, so voxels have no size. Export the file again.");
  }
}

function readVoxels(bytes: Uint8Array, header: Header): Voxels {
  const type = TYPES[header.type];
  if (!type) throw new UnreadableScan("The file holds colors or complex numbers, not MRI intensities. Export the scan itself.");
  const [size, read, make] = type;
  const count = header.lengths[0] * header.lengths[1] * header.lengths[2];
  if (bytes.length < header.offset + count * size) throw new UnreadableScan("The file is truncated. Copy it again.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { slope, intercept, offset, little } = header;
  const scaled = Number.isFinite(slope) && slope !== 0 && Number.isFinite(intercept) && !(slope === 1 && intercept === 0);
  const voxels = scaled ? new Float32Array(count) : new make(count);
  for (let index = 0, at = offset; index < count; index++, at += size) {
    const value = read(view, at, little);
    voxels[index] = scaled ? value * slope + intercept : value;
  }
  return voxels;
}
