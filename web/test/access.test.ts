import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, Person, register, secret } from "./lib/browser";
import { adminPages, guestPages, languages, memberPages, openedByGuests, openedByMembers } from "./lib/pages";
import { startServer, type TestServer } from "./lib/server";

// For everybody: axe, narrow screens, the keyboard alone, and what the first visit costs.
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

/** Fails where axe finds something, in either theme, and where a narrow screen must be pushed sideways. */
async function inspect({ page }: Person, what: string): Promise<void> {
  await expect.poll(() => page.locator(".late").count()).toBe(0); // all is there
  // Colours on their way from one theme to the other are neither.
  await page.addStyleTag({ content: "*, ::before, ::after { transition: none !important }" });
  await page.evaluate(axe);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run: (options: object) => Promise<{ violations: unknown[] }> } };
      return (await axe.run({ resultTypes: ["violations"] })).violations; // of the others, no details
    });
    expect(violations, `${what} in ${colorScheme}`).toEqual([]);
  }
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 }); // WCAG 2.2, 1.4.10 Reflow
  const beside = await page.evaluate(() =>
    [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .filter((element) => element.closest(".sr-only") === null)
      .map((element) => `${element.tagName} ${element.textContent}`),
  );
  expect(beside, `${what} at 320 px`).toEqual([]);
  if (wide !== null) await page.setViewportSize(wide);
}

describe.each(Object.entries(languages))("axe finds nothing, and nothing is cut off, in %s", (locale, t) => {
  test.each([
    ["visitors", guestPages, openedByGuests, false],
    ["members", [...memberPages, ...adminPages], openedByMembers, true],
  ] as const)("on the pages of %s, and in what opens there", { timeout: 120_000 }, async (_, pages, opened, member) => {
    const me = await Person.arrive({ locale, bypassCSP: true });
    if (member) {
      const elsewhere = await Person.arrive();
      await elsewhere.enter(server, longest);
      await elsewhere.leave();
      await me.enter(server, longest);
    }
    for (const { path, heading, name } of pages) {
      await me.page.goto(`${server.app}${path}`);
      await me.heading(heading(t));
      await inspect(me, name);
    }
    for (const { path, heading, name, before, fill, press, opens } of opened) {
      await me.page.goto(`${server.app}${path}`);
      await me.heading(heading(t));
      if (before !== undefined) server.sql(before);
      if (fill !== undefined) await me.fill(...fill(t));
      await me.press(press(t));
      await opens(me);
      await inspect(me, `${name}, ${press(t)}`);
    }
    await me.leave();
  });
});

test("the keyboard is enough", async () => {
  const me = await Person.arrive();
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await me.page.keyboard.press(key);
  };
  /** Goes on with the Tab key until something of this name has the focus. */
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
  await me.heading("Welcome back");
  await me.page.keyboard.type(longest); // the first field has the focus
  await press("Tab");
  await me.page.keyboard.type(secret);
  await press("Tab", "Space"); // show it
  expect(await me.page.getByLabel("Password", { exact: true }).getAttribute("type")).toBe("text");
  await press("Shift+Tab", "Enter");
  await me.heading(/^Hello, /);

  // The first thing that Tab reaches skips the header.
  await me.page.reload();
  await me.heading(/^Hello, /);
  await me.page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo("Skip to the content");
  await press("Enter");
  await tabTo("ProfileThe name that others see");
  await press("Enter");
  await me.heading("Profile");
  await tabTo("User name");
  await press("Control+a");
  await me.page.keyboard.type("sara.again");
  await press("Enter");
  await me.page.getByText("Saved.").waitFor();

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
  await me.heading("Welcome back");
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

test("a visit fails on an error in the console, a request to another host, and a file that is not there", async () => {
  const me = await Person.arrive();
  await me.page.goto(`${server.app}/assets/none.js`);
  await me.page.evaluate(() => console.error("told"));
  await me.page.route("http://elsewhere.example/", (route) => route.abort());
  await me.page.goto("http://elsewhere.example/").catch(() => undefined);
  await expect(me.leave()).rejects.toThrow();
  expect(me.faults).toEqual([
    "404 /app/assets/none.js",
    `${server.app}/assets/none.js: told`,
    "asks http://elsewhere.example/",
  ]);
});

test("what is kept and what is asked for again", async () => {
  const page = await fetch(`${server.app}/`);
  expect(page.headers.get("cache-control")).toBe("no-cache");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self';");
  const script = /src="(\/app\/assets\/[^"]+\.js)"/.exec(await page.text())?.[1];
  const asset = await fetch(`${server.url}${script}`);
  expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
});
