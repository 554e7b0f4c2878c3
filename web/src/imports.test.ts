import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

// The layers, lowest first. A file may import its own layer and those before it, but no feature imports another.
const layers = ["settings.ts", "i18n", "api", "ui", "forms", "session", "features", "app", "main.tsx"];

const src = import.meta.dirname;
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".test.ts"))
  .map((file) => file.replaceAll("\\", "/"));

/** The files that a file imports, by paths below src. */
function importsOf(file: string): string[] {
  const code = readFileSync(join(src, file), "utf8");
  const found = [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path]) => path ?? "");
  return found
    .filter((path) => !path.endsWith(".css"))
    .map((path) => {
      const target = normalize(join(dirname(file), path));
      const candidates = [`${target}.ts`, `${target}.tsx`, join(target, "index.ts")];
      const resolved = candidates.find((candidate) => existsSync(join(src, candidate)));
      if (resolved === undefined) throw new Error(`${file} imports ${path}, which does not exist`);
      return resolved;
    });
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));
const layerOf = (file: string): string => file.split("/")[0] ?? "";
const featureOf = (file: string): string | undefined => /^features\/([^/]+)/.exec(file)?.[1];

test("every file is in a known layer", () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => !layers.includes(layerOf(file)))).toEqual([]);
});

test("no file imports a higher layer", () => {
  const wrong = [...graph].flatMap(([file, imports]) =>
    imports
      .filter((imported) => layers.indexOf(layerOf(imported)) > layers.indexOf(layerOf(file)))
      .map((imported) => `${file} imports ${imported}`),
  );
  expect(wrong).toEqual([]);
});

test("no feature imports another feature", () => {
  const wrong = [...graph].flatMap(([file, imports]) =>
    imports
      .filter((imported) => featureOf(file) !== undefined && featureOf(imported) !== undefined)
      .filter((imported) => featureOf(imported) !== featureOf(file))
      .map((imported) => `${file} imports ${imported}`),
  );
  expect(wrong).toEqual([]);
});

test("no import cycles", () => {
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (path.includes(file) || finished.has(file)) return;
    for (const imported of graph.get(file) ?? []) visit(imported, [...path, file]);
    finished.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});
