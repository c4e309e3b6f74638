/** The license texts of everything that a build contains. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LICENSE = /^(licen[cs]e|copying|notice)/i;

/** Packages in a build, from esbuild's list of what it read. */
export function packagesIn(metafile) {
  const found = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) found.add(match[1]);
  }
  return [...found];
}

export function licenseTexts(folder, packages) {
  const parts = ["The page of Tumorscope contains these packages, under their own licenses.\n"];
  for (const name of [...new Set(packages)].sort()) {
    const place = join(folder, "node_modules", name);
    const about = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
    const files = readdirSync(place).filter((file) => LICENSE.test(file) && !/\.(js|ts|json)$/.test(file));
    const texts = files.sort().map((file) => readFileSync(join(place, file), "utf8").trim());
    if (!texts.length) texts.push(withoutText(name, about));
    parts.push(`${"=".repeat(78)}\n${name} ${about.version} (${about.license})\n${"=".repeat(78)}\n\n${texts.join("\n\n")}\n`);
  }
  return parts.join("\n");
}

/** Some packages name their license and leave its text out. */
function withoutText(name, about) {
  const author = typeof about.author === "object" ? about.author?.name : about.author;
  if (!about.license) throw new Error(`${name} names no license`);
  return `License: ${about.license}${author ? `. Copyright: ${author}` : ""}. The package holds no license text.`;
}
