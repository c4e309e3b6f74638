/** What a build was made from; hatch_build.py computes the same. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FILES = ["build.mjs", "index.html", "licenses.mjs", "package-lock.json", "package.json", "stamp.mjs"];

export function stamp(folder) {
  const sources = readdirSync(join(folder, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1).replaceAll("\\", "/"));
  const hash = createHash("sha256");
  for (const name of [...FILES, ...sources].sort()) {
    const content = createHash("sha256").update(readFileSync(join(folder, name))).digest("hex");
    hash.update(`${content} ${name}\n`);
  }
  return hash.digest("hex");
}
