/** NIfTI files and grids with known contents. */

export const AXIAL = [[-1, 0, 0, 10], [0, -1, 0, 20], [0, 0, 3, -30], [0, 0, 0, 1]];

const CODES = new Map<Function, number>([[Uint8Array, 2], [Int16Array, 4], [Uint16Array, 512], [Float32Array, 16]]);

export function nifti(
  dims: readonly [number, number, number],
  voxels: Uint8Array | Int16Array | Uint16Array | Float32Array,
  { big = false, slope = 0, intercept = 0 } = {},
): Uint8Array {
  const bytes = new Uint8Array(352 + voxels.byteLength);
  const view = new DataView(bytes.buffer);
  const little = !big;
  view.setInt32(0, 348, little);
  view.setInt16(40, 3, little);
  dims.forEach((size, axis) => view.setInt16(42 + 2 * axis, size, little));
  view.setInt16(70, CODES.get(voxels.constructor) ?? 0, little);
  view.setInt16(72, 8 * voxels.BYTES_PER_ELEMENT, little);
  view.setFloat32(108, 352, little);
  view.setFloat32(112, slope, little);
  view.setFloat32(116, intercept, little);
  bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  bytes.set(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength), 352);
  if (big) for (let at = 352; voxels.BYTES_PER_ELEMENT > 1 && at < bytes.length; at += voxels.BYTES_PER_ELEMENT) bytes.subarray(at, at + voxels.BYTES_PER_ELEMENT).reverse();
  return bytes;
}

/** The bytes as they come over a network, in pieces. */
export function stream(bytes: Uint8Array, piece = 100): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  });
}

export async function packed(bytes: Uint8Array): Promise<Uint8Array> {
  const zipped = new Blob([bytes as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}
