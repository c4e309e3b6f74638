/** Bundles a TypeScript file beside this one and runs it with node: `node test/run.mjs FILE.ts ARGUMENT…`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [file] = process.argv.splice(2, 1);
const folder = mkdtempSync(join(tmpdir(), "static-test-"));
try {
  const outfile = join(folder, "bundle.mjs");
  await build({ entryPoints: [join(import.meta.dirname, file)], outfile, bundle: true, format: "esm", platform: "node", logLevel: "warning" });
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
