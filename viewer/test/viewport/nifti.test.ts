import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipped, niftiOfBytes, readNifti } from "../../src/viewport/nifti";
import { Volume } from "../../src/viewport/volume";
import { nifti, packed, stream } from "./making";

const COUNTED = Int16Array.from({ length: 24 }, (_, place) => place - 5);

test("a packed file and a plain one hold the same voxels, in whatever pieces they come", async () => {
  const file = nifti([4, 3, 2], COUNTED);
  for (const bytes of [file, await packed(file)]) {
    for (const piece of [1, 7, 400, 1000]) {
      const image = await readNifti(stream(bytes, piece));
      assert.deepEqual(image.dims, [4, 3, 2]);
      assert.deepEqual(image.voxels, COUNTED);
    }
  }
});

test("columns run fastest, then rows, then slices", async () => {
  const volume = new Volume("t1", await readNifti(stream(nifti([4, 3, 2], COUNTED))));
  assert.equal(volume.at([1, 0, 0]), -4);
  assert.equal(volume.at([0, 1, 0]), -1);
  assert.equal(volume.at([0, 0, 1]), 7);
  assert.equal(volume.at([3, 2, 1]), 18);
  assert.ok(Number.isNaN(volume.at([4, 0, 0])));
  assert.deepEqual([volume.min, volume.max], [-5, 18]);
});

test("big-endian files and every type the service writes are read", async () => {
  const kinds = [Uint8Array.from([1, 2, 3, 250]), Int16Array.from([-2, 0, 1, 300]), Uint16Array.from([0, 1, 2, 65_000]), Float32Array.from([-0.5, 0, 1, 2.25])];
  for (const voxels of kinds) {
    for (const big of [false, true]) {
      assert.deepEqual((await readNifti(stream(nifti([2, 2, 1], voxels, { big })))).voxels, voxels);
    }
  }
});

test("slope and intercept turn stored values into intensities; a slope of nought means none", async () => {
  const scaled = new Volume("t1", await readNifti(stream(nifti([2, 1, 1], Int16Array.from([10, 20]), { slope: 0.5, intercept: -1 }))));
  assert.deepEqual([scaled.at([0, 0, 0]), scaled.at([1, 0, 0]), scaled.min, scaled.max], [4, 9, 4, 9]);
  const plain = new Volume("t1", await readNifti(stream(nifti([2, 1, 1], Int16Array.from([10, 20]), { intercept: 7 }))));
  assert.equal(plain.at([1, 0, 0]), 20);
});

test("not-a-numbers do not elastic_deformation the range", async () => {
  const volume = new Volume("t1", await readNifti(stream(nifti([4, 1, 1], Float32Array.from([NaN, 3, Infinity, -2])))));
  assert.deepEqual([volume.min, volume.max], [-2, 3]);
});

test("what is cut short, or no NIfTI, or of another kind, is refused", async () => {
  const file = nifti([4, 3, 2], COUNTED);
  await assert.rejects(readNifti(stream(file.slice(0, file.length - 1))), /cut short/);
  await assert.rejects(readNifti(stream(file.slice(0, 200))), /cut short/);
  await assert.rejects(readNifti(stream(new Uint8Array(400))), /not a NIfTI/);
  const strange = file.slice();
  new DataView(strange.buffer).setInt16(70, 1792, true);
  await assert.rejects(readNifti(stream(strange)), /1792/);
  const moving = file.slice();
  new DataView(moving.buffer).setInt16(40, 4, true);
  new DataView(moving.buffer).setInt16(48, 9, true);
  await assert.rejects(readNifti(stream(moving)), /three axes/);
  const torn = await packed(file);
  await assert.rejects(readNifti(stream(torn.slice(0, torn.length - 20))));
});

test("a corrected mask has the same header, byte for byte, and only its own voxels", async () => {
  const original = nifti([3, 2, 2], Uint8Array.from({ length: 12 }, () => 1));
  original.set([1, 2, 3, 4, 5, 6], 280); // some of the affine
  const image = await readNifti(stream(await packed(original)));
  const mine = Uint8Array.from({ length: 12 }, (_, place) => place % 2);
  const saved = await gzipped(niftiOfBytes(image, mine));
  const again = new Uint8Array(await new Response(saved.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  assert.deepEqual(again.slice(0, 352), original.slice(0, 352));
  assert.deepEqual(again.slice(352), mine);
  assert.throws(() => niftiOfBytes(image, new Uint8Array(11)), /another grid/);
});
