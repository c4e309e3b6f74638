/** Builds the page into the Python package: `npm run build`, or `npm run watch` while working on it. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "esbuild";
import { licenseTexts, packagesIn } from "./licenses.mjs";
import { stamp } from "./stamp.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const STATIC = join(HERE, "..", "src", "tumorscope", "service", "web", "static");
const ASIDE = `${STATIC}.new`;
const SWAGGER = ["swagger-ui.css", "swagger-ui-bundle.js"];
const watching = process.argv.includes("--watch");

const options = {
  absWorkingDir: HERE,
  entryPoints: ["src/main.ts"],
  outdir: join(ASIDE, "assets"),
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022"],
  minify: !watching,
  charset: "utf8",
  legalComments: "none",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".svg": "file" },
  define: { "process.env.NODE_ENV": '"production"' },
  metafile: true,
  logLevel: "warning",
  plugins: [
    { name: "without zarr", setup: withoutZarr },
    { name: "finish", setup: (build) => build.onEnd(finish) },
  ],
};

/** NiiVue also reads Zarr, whose codecs are larger than all the rest; nothing here is Zarr. */
function withoutZarr(build) {
  build.onResolve({ filter: /^numcodecs\// }, ({ path }) => ({ path, namespace: "absent" }));
  build.onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "export default undefined;" }));
}

/** The build is whole before it takes the old one's place. */
function finish(result) {
  if (result.errors.length) return;
  const assets = join(ASIDE, "assets");
  mkdirSync(join(assets, "swagger"), { recursive: true });
  for (const file of SWAGGER) cpSync(join(HERE, "node_modules", "swagger-ui-dist", file), join(assets, "swagger", file));
  const licenses = licenseTexts(HERE, [...packagesIn(result.metafile), "swagger-ui-dist"]);
  writeFileSync(join(assets, "licenses.txt"), licenses);

  const [script, entry] = Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint === "src/main.ts");
  // Named from the page, which a proxy may show below a path.
  const address = (path) => `${relative(ASIDE, join(HERE, path)).replaceAll("\\", "/")}`;
  const page = readFileSync(join(HERE, "index.html"), "utf8")
    .replace("%SCRIPT%", address(script))
    .replace("%STYLE%", address(entry.cssBundle))
    .replace("%ICON%", `assets/${hashed("src/icon.svg", assets)}`);
  writeFileSync(join(ASIDE, "index.html"), page);
  writeFileSync(join(ASIDE, "build.txt"), `${stamp(HERE)}\n`);

  rmSync(STATIC, { recursive: true, force: true });
  renameSync(ASIDE, STATIC);
  const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  console.log(`built ${relative(process.cwd(), STATIC)} (${Math.round(bytes / 1024)} kB)`);
}

function hashed(file, folder) {
  const content = readFileSync(join(HERE, file));
  const name = `icon-${createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase()}.svg`;
  writeFileSync(join(folder, name), content);
  return name;
}

rmSync(ASIDE, { recursive: true, force: true });
const builder = await context(options);
if (watching) {
  await builder.watch();
} else {
  try {
    await builder.rebuild();
  } finally {
    await builder.dispose();
  }
}
