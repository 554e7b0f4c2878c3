import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, register, testPassword, Visitor } from "./lib/browser";
import { adminPages, guestPageStates, guestPages, languages, memberPageStates, memberPages } from "./lib/pages";
import { startServer, type TestServer } from "./lib/server";

// Accessibility (axe, narrow screens, keyboard), the size of the first visit, caching.
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const longest = "sara.wolfeschlegelsteinhausenb";
let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  await register(server.url, longest);
  await register(server.url, "tom");
  server.sql(`UPDATE users SET role = 'admin', email = '${"long".repeat(15)}@${"domain".repeat(9)}.example' WHERE id = 1;
    UPDATE users SET disabled_at = created_at WHERE id = 2`);
});
afterAll(async () => {
  await closeBrowser();
  await server.stop();
});

/** Fails if axe finds a violation in either theme, or if the page scrolls sideways on a narrow screen. */
async function inspect({ page }: Visitor, what: string): Promise<void> {
  await expect.poll(() => page.locator(".delayed").count()).toBe(0); // loaded
  // A colour transition between the themes would have colours of neither.
  await page.addStyleTag({ content: "*, ::before, ::after { transition: none !important }" });
  await page.evaluate(axe);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run: (options: object) => Promise<{ violations: unknown[] }> } };
      return (await axe.run({ resultTypes: ["violations"] })).violations; // no details of passed checks
    });
    expect(violations, `${what} in ${colorScheme}`).toEqual([]);
  }
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 }); // WCAG 2.2, 1.4.10 Reflow
  const overflowing = await page.evaluate(() =>
    [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .filter((element) => element.closest(".sr-only") === null)
      .map((element) => `${element.tagName} ${element.textContent}`),
  );
  expect(overflowing, `${what} at 320 px`).toEqual([]);
  if (wide !== null) await page.setViewportSize(wide);
}

describe.each(Object.entries(languages))("no axe violations and no overflow, in %s", (locale, t) => {
  test.each([
    ["visitors", guestPages, guestPageStates, false],
    ["members", [...memberPages, ...adminPages], memberPageStates, true],
  ] as const)(
    "on the pages of %s, and in their dialogs and errors",
    { timeout: 120_000 },
    async (_, pages, states, member) => {
      const me = await Visitor.open({ locale, bypassCSP: true });
      if (member) {
        const elsewhere = await Visitor.open();
        await elsewhere.loginByRequest(server, longest);
        await elsewhere.close();
        await me.loginByRequest(server, longest);
      }
      for (const { path, heading, name } of pages) {
        await me.page.goto(`${server.app}${path}`);
        await me.heading(heading(t));
        await inspect(me, name);
      }
      for (const { path, heading, name, before, fill, press, appears } of states) {
        await me.page.goto(`${server.app}${path}`);
        await me.heading(heading(t));
        if (before !== undefined) server.sql(before);
        if (fill !== undefined) await me.fill(...fill(t));
        await me.press(press(t));
        await appears(me);
        await inspect(me, `${name}, ${press(t)}`);
      }
      await me.close();
    },
  );
});

test("every page can be used with the keyboard alone", async () => {
  const me = await Visitor.open();
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await me.page.keyboard.press(key);
  };
  /** Presses Tab until the element with this name has the focus. */
  const tabTo = async (name: string): Promise<void> => {
    const names: string[] = [];
    while (names.at(-1) !== name && names.length < 25) {
      await press("Tab");
      names.push(
        await me.page.evaluate(() => {
          const { ariaLabel, textContent, labels } = document.activeElement as HTMLInputElement;
          return ariaLabel ?? (labels?.[0] ?? { textContent }).textContent ?? "";
        }),
      );
    }
    expect(names).toContain(name);
  };
  await me.page.goto(`${server.app}/login`);
  await me.heading("Log in to TechTreks");
  await me.page.keyboard.type(longest); // the first field has the focus
  await press("Tab");
  await me.page.keyboard.type(testPassword);
  await press("Tab", "Space"); // make it visible
  expect(await me.page.getByLabel("Password", { exact: true }).getAttribute("type")).toBe("text");
  await press("Shift+Tab", "Enter");
  await me.heading(/^Hello, /);

  // The first element in the tab order skips the header.
  await me.page.reload();
  await me.heading(/^Hello, /);
  await me.page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo("Skip to content");
  await press("Enter");
  await tabTo("ProfileChange your username");
  await press("Enter");
  await me.heading("Profile");
  await tabTo("Username");
  await press("Control+a");
  await me.page.keyboard.type("sara.again");
  await press("Enter");
  await me.page.getByText("Your username has been saved.").waitFor();

  await me.page.goto(`${server.app}/account/data`);
  await me.heading("Your data");
  await tabTo("Delete my account");
  await press("Enter");
  await me.page.getByRole("alertdialog").waitFor();
  for (let i = 0; i < 8; i++) {
    await press("Tab");
    expect(await me.page.evaluate(() => document.activeElement?.closest("[role=alertdialog]") !== null)).toBe(true);
  }
  await press("Escape");
  await me.page.getByRole("alertdialog").waitFor({ state: "detached" });
  await expect.poll(() => me.page.evaluate(() => document.activeElement?.textContent)).toBe("Delete my account");
  await me.page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await me.page.reload();
  await me.heading("Your data");
  await tabTo("Log out");
  await press("Enter");
  await me.heading("Log in to TechTreks");
  await me.close();
});

test("the first visit loads less than 150 kB of JavaScript", async () => {
  const me = await Visitor.open();
  const scripts: Promise<number>[] = [];
  me.page.on("response", (response) => {
    if (response.url().endsWith(".js")) scripts.push(response.body().then((body) => gzipSync(body).length));
  });
  await me.page.goto(`${server.app}/`, { waitUntil: "networkidle" });
  await me.heading("Log in to TechTreks");
  const total = (await Promise.all(scripts)).reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(50_000);
  expect(total).toBeLessThan(150_000);
  await me.close();
});

test("Visitor reports console errors, requests to other hosts and missing files", async () => {
  const me = await Visitor.open();
  await me.page.goto(`${server.app}/assets/none.js`);
  await me.page.evaluate(() => console.error("logged"));
  await me.page.route("http://elsewhere.example/", (route) => route.abort());
  await me.page.goto("http://elsewhere.example/").catch(() => undefined);
  await expect(me.close()).rejects.toThrow();
  expect(me.problems).toEqual([
    "404 /app/assets/none.js",
    `${server.app}/assets/none.js: logged`,
    "request to http://elsewhere.example/",
  ]);
});

test("assets are cached for good, the page is not", async () => {
  const page = await fetch(`${server.app}/`);
  expect(page.headers.get("cache-control")).toBe("no-cache");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self';");
  const script = /src="(\/app\/assets\/[^"]+\.js)"/.exec(await page.text())?.[1];
  const asset = await fetch(`${server.url}${script}`);
  expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
});
