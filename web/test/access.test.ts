import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, Person, register, secret } from "./lib/browser";
import { adminPages, guestPages, memberPages } from "./lib/pages";
import { startServer, type TestServer } from "./lib/server";

// For everybody: axe, the keyboard alone, and what the first visit costs.
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  await register(server.url, "sara");
  await register(server.url, "tom");
  server.sql("UPDATE users SET role = 'admin' WHERE username_key = 'sara'");
});
afterAll(async () => {
  await closeBrowser();
  await server.stop();
});

describe.each(["light", "dark"] as const)("axe finds nothing in %s", (colorScheme) => {
  test.each([
    ["visitors", guestPages, false],
    ["members", [...memberPages, ...adminPages], true],
  ] as const)("on the pages of %s", async (_, pages, member) => {
    const me = await Person.arrive({ colorScheme, bypassCSP: true });
    if (member) await me.login(server.app, "sara");
    for (const { path, heading } of pages) {
      await me.page.goto(`${server.app}${path}`);
      await me.heading(heading);
      await me.page.evaluate(axe);
      const violations = await me.page.evaluate(async () => {
        const run = (window as unknown as { axe: { run: () => Promise<{ violations: unknown[] }> } }).axe.run;
        return (await run()).violations;
      });
      expect(violations, path).toEqual([]);
    }
    await me.leave();
  });
});

test("the keyboard is enough", async () => {
  const me = await Person.arrive();
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await me.page.keyboard.press(key);
  };
  await me.page.goto(`${server.app}/login`);
  await me.heading("Welcome back");
  await me.page.keyboard.type("sara"); // the first field has the focus
  await press("Tab");
  await me.page.keyboard.type(secret);
  await press("Tab", "Space"); // show it
  expect(await me.page.getByLabel("Password", { exact: true }).getAttribute("type")).toBe("text");
  await press("Shift+Tab", "Enter");
  await me.heading("Hello, sara");
  await me.page.goto(`${server.app}/account/data`);
  await me.heading("Your data");
  await me.page.getByRole("button", { name: "Delete my account" }).focus();
  await press("Enter");
  await me.page.getByRole("alertdialog").waitFor();
  for (let i = 0; i < 8; i++) {
    await press("Tab");
    expect(await me.page.evaluate(() => document.activeElement?.closest("[role=alertdialog]") !== null)).toBe(true);
  }
  await press("Escape");
  await me.page.getByRole("alertdialog").waitFor({ state: "detached" });
  await expect.poll(() => me.page.evaluate(() => document.activeElement?.textContent)).toBe("Delete my account");
  await me.leave();
});

test("the first visit loads less than 150 kB of JavaScript", async () => {
  const me = await Person.arrive();
  const scripts: Promise<number>[] = [];
  me.page.on("response", (response) => {
    if (response.url().endsWith(".js")) scripts.push(response.body().then((body) => gzipSync(body).length));
  });
  await me.page.goto(`${server.app}/`, { waitUntil: "networkidle" });
  await me.heading("Welcome back");
  const total = (await Promise.all(scripts)).reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(50_000);
  expect(total).toBeLessThan(150_000);
  await me.leave();
});

test("what is kept and what is asked for again", async () => {
  const page = await fetch(`${server.app}/`);
  expect(page.headers.get("cache-control")).toBe("no-cache");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self';");
  const script = /src="(\/app\/assets\/[^"]+\.js)"/.exec(await page.text())?.[1];
  const asset = await fetch(`${server.url}${script}`);
  expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
});
