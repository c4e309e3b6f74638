/** Pixels of an image with one or three channels, row after row. */
export interface Pixels {
  readonly data: Uint8Array | Uint16Array | Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly channels: 1 | 3;
}

/** The largest image that is analyzed, as in Python. */
export const MAX_PIXELS = 64_000_000;
