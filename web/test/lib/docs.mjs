// Extracts the code blocks of the docs into test/docs, for the compiler and the tests.
// The first line of a block names its file.
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
    if (name === undefined) throw new Error(`${page}: the first line of a ${language} block must name its file`);
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
  }
}
