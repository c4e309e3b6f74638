/** A file of any kind that the page takes; the content decides, not the name. */

import { startsWith } from "./bytes";
import { readImage, readTiffScan } from "./image";
import { isNifti, readNifti } from "./nifti";
import { checked, type Scan, UnreadableScan } from "./scan";

const DICOM_AT = 128;
/** Of either byte order; the latter two are BigTIFF. */
const TIFF = [[0x49, 0x49, 0x2a, 0], [0x4d, 0x4d, 0, 0x2a], [0x49, 0x49, 0x2b, 0], [0x4d, 0x4d, 0, 0x2b]];

/** @throws UnreadableScan */
export async function openScan(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Scan> {
  if (bytes.length === 0) throw new UnreadableScan("The file is empty.");
  if (startsWith(bytes.subarray(DICOM_AT), [0x44, 0x49, 0x43, 0x4d])) {
    throw new UnreadableScan("This page reads no DICOM. Convert the series to NIfTI, or use the full program.");
  }
  if (TIFF.some((head) => startsWith(bytes, head))) return checked(await readTiffScan(name, bytes));
  const volume = startsWith(bytes, [0x1f, 0x8b]) || isNifti(bytes);
  return checked(volume ? await readNifti(name, bytes) : await readImage(name, bytes));
}
