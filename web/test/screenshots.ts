import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { closeBrowser, Person, register } from "./lib/browser";
import { adminPages, guestPages, memberPages } from "./lib/pages";
import { root, startServer } from "./lib/server";

// Takes the pictures in docs/screenshots: make screenshots.
const folder = resolve(root, process.env.SCREENSHOTS ?? "docs/screenshots");

test("every page, light and dark, on a phone and on a desktop", { timeout: 300_000 }, async () => {
  const server = await startServer();
  await register(server.url, "alice");
  for (const name of ["bob", "carol", "dave", "erin"]) await register(server.url, name);
  server.sql("UPDATE users SET role='admin' WHERE username_key='alice'");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let taken = 0;
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [390, 1280]) {
      const viewport = { width, height: width === 390 ? 844 : 800 };
      const me = await Person.arrive({ colorScheme, viewport });
      const take = async (
        pages: readonly { name: string; path: string; heading: string | RegExp }[],
      ): Promise<void> => {
        for (const { name, path, heading } of pages) {
          await me.page.goto(`${server.app}${path}`);
          await me.heading(heading);
          await me.page.waitForTimeout(300);
          await me.page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
          taken++;
        }
      };
      await take(guestPages);
      await me.login(server.app, "alice");
      await take([...memberPages, ...adminPages]);
      await me.leave();
    }
  }
  expect(taken).toBeGreaterThan(50);
  await closeBrowser();
  await server.stop();
});
