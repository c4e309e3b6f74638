/** Prints as JSON where NiiVue places each NIfTI file: its matrix from voxels to millimeters. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [library, ...files] = process.argv.slice(2);
const { NVImage } = await import(pathToFileURL(library).href);
const places = [];
for (const file of files) {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  const image = await NVImage.new(buffer.slice(byteOffset, byteOffset + byteLength), "volume.nii");
  places.push(Array.from(image.matRAS));
}
console.log(JSON.stringify(places));
