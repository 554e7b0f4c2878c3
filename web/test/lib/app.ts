import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { BrowserContext } from "playwright-core";
import { build, type InlineConfig } from "vite";
import { root } from "./server";

/** The usual origin of front ends in development. The front end of the Flask system had it too. */
export const port3000 = "http://localhost:3000";

/**
 * Serves a built app at that origin by request interception, for one browser
 * context: it works even if another process listens on the port.
 */
export async function serveAtPort3000(context: BrowserContext, folder: string): Promise<void> {
  // Intercepted pages have no network address, so they need permission for requests to the local network.
  await context.grantPermissions(["local-network-access"], { origin: port3000 });
  await context.route(`${port3000}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const file = join(folder, pathname);
    const path = extname(pathname) !== "" && existsSync(file) ? file : join(folder, "index.html");
    await route.fulfill({ path });
  });
}

/** Builds an app as `vite build` does, for an API at this address. */
export async function buildApp(folder: string, api: string, config: InlineConfig = {}): Promise<void> {
  // Vite reads the mode from NODE_ENV, which vitest sets to "test".
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

/** Returns a code block of the docs, which docs.mjs has extracted. */
export function codeBlock(name: string): string {
  return readFileSync(join(import.meta.dirname, "../docs", name), "utf8");
}
