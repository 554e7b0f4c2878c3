import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { BrowserContext } from "playwright-core";
import { build, type InlineConfig } from "vite";
import { root } from "./server";

/** Where front ends are developed, and where the Flask system's was. */
export const port3000 = "http://localhost:3000";

/**
 * Puts a built app at the origin of development, for one browser: whether
 * something listens on that port of this machine does not matter.
 */
export async function serveAtPort3000(context: BrowserContext, folder: string): Promise<void> {
  // Pages that come from no address may ask none of this machine's, unless the person allows it.
  await context.grantPermissions(["local-network-access"], { origin: port3000 });
  await context.route(`${port3000}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const file = join(folder, pathname);
    const path = extname(pathname) !== "" && existsSync(file) ? file : join(folder, "index.html");
    await route.fulfill({ path });
  });
}

/** Builds an app as `vite build` does, with this server's address in it. */
export async function buildApp(folder: string, api: string, config: InlineConfig = {}): Promise<void> {
  // Vite takes the kind of build from here, where vitest has put "test".
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  process.env.VITE_API_URL = api;
  await build({
    configFile: join(root, "web/vite.config.ts"),
    root: join(root, "web"),
    base: "/",
    logLevel: "error",
    ...config,
    build: { outDir: folder, emptyOutDir: true, ...config.build },
  });
  process.env.NODE_ENV = before;
  delete process.env.VITE_API_URL;
}

/** Code of the manual, written by docs.mjs. */
export function manual(name: string): string {
  return readFileSync(join(import.meta.dirname, "../docs", name), "utf8");
}
