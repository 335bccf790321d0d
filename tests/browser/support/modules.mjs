/*
 * Imports modules of the page into node. They are copied beside a package.json, since older versions of node take a
 * bare .js for CommonJS.
 */

import {cpSync, mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {fileURLToPath, pathToFileURL} from "node:url";

const folder = mkdtempSync(join(tmpdir(), "guidepost-page-"));
cpSync(fileURLToPath(new URL("../../../web", import.meta.url)), folder, {recursive: true});
writeFileSync(join(folder, "package.json"), '{"type": "module"}');
process.on("exit", () => rmSync(folder, {recursive: true}));

export function importModule(name) {
  return import(pathToFileURL(join(folder, name)));
}
