// Writes the blocks of code of the manual into test/docs, where the compiler and the
// tests find them. The first line of a block names its file.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const folder = at("web/test/docs");
rmSync(folder, { recursive: true, force: true });
for (const page of ["README.md", "docs/frontend.md"]) {
  for (const [, language, code] of readFileSync(at(page), "utf8").matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
    if (!["js", "ts", "tsx"].includes(language)) continue;
    const name = /^\/\/ (\S+)\n/.exec(code)?.[1];
    if (name === undefined) throw new Error(`${page}: a block of ${language} whose first line names no file`);
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
  }
}
