import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { closeBrowser, register, Visitor } from "./lib/browser";
import { adminPages, guestPages, languages, memberPages, type Page } from "./lib/pages";
import { root, startServer, type TestServer } from "./lib/server";

// Takes the screenshots in docs/screenshots: make screenshots. For German ones, run
// SCREENSHOTS=/tmp/de SCREENSHOTS_LANGUAGE=de-DE scripts/test-web.sh.
const folder = resolve(root, process.env.SCREENSHOTS ?? "docs/screenshots");
const locale = process.env.SCREENSHOTS_LANGUAGE ?? "en-GB";
const t = languages[locale];

const agents = {
  phone:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
  desktop: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
};

/** Creates accounts in several states. alice has sessions and events from the past. */
async function seed(server: TestServer): Promise<void> {
  for (const name of ["alice", "bob", "carol.santos", "dave_lindqvist", "erin", "farid"]) {
    await register(server.url, name);
  }
  const minutes = (ago: number): string => `- ${ago * 60_000_000}`;
  server.sql(`UPDATE users SET email_verified_at = created_at WHERE id <> 4;
    UPDATE users SET role = 'admin' WHERE id = 1;
    UPDATE users SET role = 'moderator' WHERE id = 3;
    UPDATE users SET disabled_at = created_at WHERE id = 6;
    UPDATE users SET created_at = created_at ${minutes(60 * 24 * 200)};
    UPDATE audit_events SET created_at = created_at ${minutes(60 * 24 * 200)}`);
  for (const [userAgent, name, ago] of [
    [agents.phone, "alice", 60 * 26],
    [agents.desktop, "alice", 190],
    [agents.phone, "bob", 45],
  ] as const) {
    const visitor = await Visitor.open({ userAgent });
    await visitor.loginByRequest(server, name);
    await visitor.close();
    server.sql(`UPDATE sessions SET ip = '192.0.2.${ago % 200}', last_seen_at = last_seen_at ${minutes(ago % 50)},
        created_at = created_at ${minutes(ago)} WHERE id = (SELECT max(id) FROM sessions);
      UPDATE audit_events SET ip = '192.0.2.${ago % 200}', created_at = created_at ${minutes(ago)}
        WHERE id > (SELECT max(id) FROM audit_events) - 2`);
  }
}

test("every page, light and dark, on a phone and on a desktop", { timeout: 300_000 }, async () => {
  if (t === undefined) throw new Error(`no language ${locale}`);
  const server = await startServer();
  await seed(server);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let taken = 0;
  const me = await Visitor.open({
    locale,
    userAgent: agents.desktop.replace("Windows NT 10.0; Win64; x64", "X11; Linux x86_64"),
  });
  const take = async (pages: Page[]): Promise<void> => {
    for (const { name, path, heading } of pages) {
      await me.page.goto(`${server.app}${path}`);
      await me.heading(heading(t));
      for (const colorScheme of ["light", "dark"] as const) {
        for (const width of [390, 1280]) {
          await me.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await me.page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
          await me.page.waitForTimeout(200);
          await me.page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
          taken++;
        }
      }
    }
  };
  await take(guestPages);
  await me.loginByRequest(server, "alice");
  await take([...memberPages, ...adminPages]);
  await me.close();
  expect(taken).toBeGreaterThan(50);
  await closeBrowser();
  await server.stop();
});
