/**
 * NIfTI-1 single files, as the service writes them, read as they arrive and written back.
 *
 * Voxels stay in the file's order: columns fastest, then rows, then slices.
 */

export type Voxels = Uint8Array | Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

export interface NiftiImage {
  /** Columns, rows, slices. */
  dims: [number, number, number];
  voxels: Voxels;
  slope: number;
  intercept: number;
  /** Everything before the voxels, as it came. */
  head: Uint8Array;
}

const HEADER_BYTES = 348;
const MOST_HEAD_BYTES = 65_536;
/** 2 GiB: more than any scan, less than what an array takes. */
const MOST_VOXEL_BYTES = 2 ** 31;

const KINDS: Record<number, { bytes: number; make: (buffer: ArrayBuffer) => Voxels }> = {
  2: { bytes: 1, make: (buffer) => new Uint8Array(buffer) },
  256: { bytes: 1, make: (buffer) => new Int8Array(buffer) },
  4: { bytes: 2, make: (buffer) => new Int16Array(buffer) },
  512: { bytes: 2, make: (buffer) => new Uint16Array(buffer) },
  8: { bytes: 4, make: (buffer) => new Int32Array(buffer) },
  768: { bytes: 4, make: (buffer) => new Uint32Array(buffer) },
  16: { bytes: 4, make: (buffer) => new Float32Array(buffer) },
  64: { bytes: 8, make: (buffer) => new Float64Array(buffer) },
};

interface Header {
  dims: [number, number, number];
  offset: number;
  datatype: number;
  little: boolean;
  slope: number;
  intercept: number;
}

/** Read a file from a stream, packed or not; the bytes are held once. */
export async function readNifti(stream: ReadableStream<Uint8Array>): Promise<NiftiImage> {
  const reader = (await unpacked(stream)).getReader();
  let early: Uint8Array = new Uint8Array(0);
  let header: Header | undefined;
  while (!header || early.length < header.offset) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the image's file is cut short");
    early = joined(early, value);
    if (!header && early.length >= HEADER_BYTES) header = readHeader(early);
  }
  const kind = KINDS[header.datatype];
  if (!kind) throw new Error(`voxels of NIfTI's type ${header.datatype} cannot be shown`);
  const size = header.dims[0] * header.dims[1] * header.dims[2] * kind.bytes;
  if (size > MOST_VOXEL_BYTES) throw new Error("the image is too large to be shown");
  const bytes = new Uint8Array(size);
  let filled = 0;
  let chunk: Uint8Array | undefined = early.subarray(header.offset);
  while (chunk && filled < size) {
    const part = chunk.subarray(0, size - filled);
    bytes.set(part, filled);
    filled += part.length;
    if (filled < size) chunk = (await reader.read()).value;
  }
  if (filled < size) throw new Error("the image's file is cut short");
  reader.cancel().catch(() => undefined);
  if (!header.little && kind.bytes > 1) swap(bytes, kind.bytes);
  return {
    dims: header.dims,
    voxels: kind.make(bytes.buffer),
    slope: header.slope,
    intercept: header.intercept,
    head: early.slice(0, header.offset),
  };
}

/** A mask of bytes on the grid of an image whose voxels are bytes. */
export function niftiOfBytes(like: NiftiImage, bytes: Uint8Array): Blob {
  if (!(like.voxels instanceof Uint8Array) || bytes.length !== like.voxels.length) throw new Error("the mask lies on another grid");
  return new Blob([like.head as BlobPart, bytes as BlobPart], { type: "application/octet-stream" });
}

export async function gzipped(blob: Blob): Promise<Blob> {
  const packed = blob.stream().pipeThrough(new CompressionStream("gzip"));
  return new Blob([await new Response(packed).arrayBuffer()], { type: "application/gzip" });
}

function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = view.getInt32(0, true) === HEADER_BYTES;
  if (!little && view.getInt32(0, false) !== HEADER_BYTES) throw new Error("the image is not a NIfTI file");
  if (String.fromCharCode(...bytes.subarray(344, 347)) !== "n+1") throw new Error("the image is not a single NIfTI file");
  const size = (axis: number): number => Math.max(1, view.getInt16(40 + 2 * axis, little));
  for (let axis = 4; axis <= view.getInt16(40, little); axis += 1) {
    if (size(axis) > 1) throw new Error("the image has more than three axes");
  }
  const offset = view.getFloat32(108, little);
  if (!(offset >= HEADER_BYTES && offset <= MOST_HEAD_BYTES)) throw new Error("the image's header is broken");
  const slope = view.getFloat32(112, little);
  const scaled = Number.isFinite(slope) && slope !== 0;
  const intercept = view.getFloat32(116, little);
  return {
    dims: [size(1), size(2), size(3)],
    offset: Math.floor(offset),
    datatype: view.getInt16(70, little),
    little,
    slope: scaled ? slope : 1,
    intercept: scaled && Number.isFinite(intercept) ? intercept : 0,
  };
}

/** Browsers unpack by themselves what was sent with Content-Encoding, so the bytes are asked. */
async function unpacked(stream: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const reader = stream.getReader();
  let first: Uint8Array = new Uint8Array(0);
  while (first.length < 2) {
    const { done, value } = await reader.read();
    if (done) break;
    first = joined(first, value);
  }
  const whole = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(first as Uint8Array<ArrayBuffer>),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return first[0] === 0x1f && first[1] === 0x8b ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  if (!one.length) return other;
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function swap(bytes: Uint8Array, width: number): void {
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse();
}
