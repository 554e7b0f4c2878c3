import { join } from "node:path";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeBrowser, register, useFullBrowser, Visitor } from "./lib/browser";
import { freePort, root, startServer, type TestServer } from "./lib/server";

// The app at its own origin, as in development: cookies, CORS and limits.
let server: TestServer;
let vite: ViteDevServer;
let app: string;
beforeAll(async () => {
  useFullBrowser();
  // A free port, because `make run` may be running on its own.
  const port = await freePort();
  app = `http://localhost:${port}`;
  server = await startServer({
    ALLOWED_ORIGINS: app,
    FRONTEND_URL: app,
    WEB: "false",
    RATE_LIMITS: "requestReset: 1 per minute",
  });
  process.env.VITE_API_URL = server.url;
  vite = await createServer({ root: join(root, "web"), logLevel: "error", server: { port, hmr: false } });
  await vite.listen();
  // Vite bundles the dependencies at the first request, which takes long on a busy machine.
  const first = await Visitor.open();
  await first.page.goto(app, { timeout: 100_000 });
  await first.close();
}, 120_000);
afterAll(async () => {
  delete process.env.VITE_API_URL;
  await vite.close();
  await closeBrowser();
  await server.stop();
});

test("the session cookie is HttpOnly, and the pages work across origins", async () => {
  await register(server.url, "paul");
  const me = await Visitor.open();
  await me.login(app, "paul");
  const cookies = await me.context.cookies(server.url);
  expect(cookies).toMatchObject([{ name: "session", httpOnly: true, sameSite: "Lax", secure: false, path: "/" }]);
  expect(await me.page.evaluate(() => document.cookie)).toBe("");
  expect(await me.page.evaluate(() => Object.keys(localStorage))).toEqual([]);
  await me.page.goto(await server.mailbox.link("paul@example.com", "/verify"));
  await me.heading("Your email is confirmed");
  await me.page.goto(app);
  await me.page.getByText("(confirmed)").waitFor();
  await me.press("Log out");
  await me.heading("Log in to TechTreks");
  expect(await me.context.cookies(server.url)).toEqual([]);
  await me.close();
});

test("too many requests: the page shows the time of Retry-After", async () => {
  const me = await Visitor.open();
  const requestLink = async (): Promise<void> => {
    await me.page.goto(`${app}/request-reset`);
    await me.fill("Email", "paul@example.com");
    await me.press("Send reset link");
  };
  await requestLink();
  await me.heading("Check your inbox");
  // The browser's clock stands still, so that the page shows exactly the seconds of the response.
  const now = Date.now();
  await me.page.clock.setFixedTime(now);
  const refused = me.page.waitForResponse(
    (response) => response.url().endsWith("/auth/request_reset") && response.status() === 429,
  );
  await requestLink();
  const seconds = Number(await (await refused).headerValue("Retry-After"));
  expect(seconds).toBeGreaterThan(0);
  const countdown = me.page.getByText("Try again in");
  expect(await countdown.textContent()).toBe(`Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`);
  await me.page.clock.setFixedTime(now + seconds * 1000);
  await countdown.waitFor({ state: "detached" });
  await me.close();
});
