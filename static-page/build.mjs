/** Builds the static page: `node build.mjs [FOLDER]`; by default into build/static at the repository's root. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { licenseTexts, packagesIn } from "../viewer/licenses.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "..");
const OUT = resolve(process.argv[2] ?? join(ROOT, "build", "static"));
const PACKAGE = join(ROOT, "src", "tumorscope");
const BUNDLE = join(PACKAGE, "inference", "bundles", "t1c");
const ONNXRUNTIME = join(HERE, "node_modules", "onnxruntime-web", "dist");
const RUNTIME_FILES = ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];

/** Connections go nowhere but to the folder that the page came from. The worker, made from a blob, inherits this. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

rmSync(OUT, { recursive: true, force: true });
const assets = join(OUT, "assets");
mkdirSync(assets, { recursive: true });

const { metafile } = await build({
  absWorkingDir: HERE,
  entryPoints: { page: "src/main.ts", worker: "src/worker.ts", style: "src/page/style.css" },
  outdir: assets,
  bundle: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  charset: "utf8",
  legalComments: "none",
  conditions: ["onnxruntime-web-use-extern-wasm"],
  metafile: true,
  logLevel: "warning",
});
for (const file of RUNTIME_FILES) cpSync(join(ONNXRUNTIME, file), join(assets, file));
cpSync(join(HERE, "..", "viewer", "src", "icon.svg"), join(assets, "icon.svg"));
cpSync(join(HERE, "example.nii.gz"), join(assets, "example.nii.gz"));
copyModel();
writeFileSync(join(assets, "licenses.txt"), licenseTexts(HERE, packagesIn(metafile)));
writeFileSync(join(OUT, "index.html"), readFileSync(join(HERE, "index.html"), "utf8").replace("%POLICY%", POLICY));
await buildServiceWorker();

const bytes = files(OUT).reduce((total, file) => total + statSync(join(OUT, file)).size, 0);
console.log(`built ${relative(process.cwd(), OUT) || "."} (${(bytes / 1e6).toFixed(1)} MB)`);

/** The network, its card's numbers, the checks of type and input: copied from the bundle, never kept twice. */
function copyModel() {
  const card = JSON.parse(readFileSync(join(BUNDLE, "card.json"), "utf8"));
  const { file, sha256 } = card.models.find(({ precision }) => precision === "float");
  const model = readFileSync(join(BUNDLE, file));
  if (createHash("sha256").update(model).digest("hex") !== sha256) throw new Error(`${file} is not the one that its card describes`);
  writeFileSync(join(assets, "model.onnx"), model);
  const kept = ["name", "version", "title", "inputs", "preparation", "classes", "operating_point", "limits", "licenses"];
  writeFileSync(join(assets, "card.json"), JSON.stringify(Object.fromEntries(kept.map((key) => [key, card[key]]))));
  const numbers = {
    "type_check.json": [join(BUNDLE, "type_check.json"), ["feature_mean", "axes", "appearance", "place"]],
    "input_check.json": [join(PACKAGE, "preprocessing", "input_check", "input_check.json"), ["threshold", "certainty", "shape", "center", "spread", "members"]],
  };
  for (const [name, [from, keys]] of Object.entries(numbers)) {
    const content = JSON.parse(readFileSync(from, "utf8"));
    writeFileSync(join(assets, name), JSON.stringify(Object.fromEntries(keys.filter((key) => key in content).map((key) => [key, content[key]]))));
  }
}

/** It keeps every file of the build, so that the page works without network, under a name that changes with them. */
async function buildServiceWorker() {
  const kept = files(OUT).filter((name) => !name.endsWith("licenses.txt")).sort();
  const hash = createHash("sha256");
  for (const name of kept) hash.update(name).update(readFileSync(join(OUT, name)));
  await build({
    absWorkingDir: HERE,
    entryPoints: { "service-worker": "src/service-worker.ts" },
    outdir: OUT,
    bundle: true,
    format: "iife",
    target: ["es2022"],
    minify: true,
    define: { FILES: JSON.stringify(kept), VERSION: JSON.stringify(hash.digest("hex").slice(0, 16)), POLICY: JSON.stringify(POLICY) },
    logLevel: "warning",
  });
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}
