import { join } from "node:path";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeBrowser, Person, register, useWholeBrowser } from "./lib/browser";
import { freePort, root, startServer, type TestServer } from "./lib/server";

// The app on an origin of its own, as in development: cookies, CORS and limits.
let server: TestServer;
let vite: ViteDevServer;
let app: string;
beforeAll(async () => {
  useWholeBrowser();
  // Any port but that of `make run`, which may be running.
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
});
afterAll(async () => {
  delete process.env.VITE_API_URL;
  await vite.close();
  await closeBrowser();
  await server.stop();
});

test("the session is a cookie that scripts cannot read, and the flows work across origins", async () => {
  await register(server.url, "paul");
  const me = await Person.arrive();
  await me.login(app, "paul");
  const cookies = await me.context.cookies(server.url);
  expect(cookies).toMatchObject([{ name: "session", httpOnly: true, sameSite: "Lax", secure: false, path: "/" }]);
  expect(await me.page.evaluate(() => document.cookie)).toBe("");
  expect(await me.page.evaluate(() => Object.keys(localStorage))).toEqual([]);
  await me.page.goto(await server.mailbox.link("paul@example.com", "/verify"));
  await me.heading("Your address is confirmed");
  await me.page.goto(app);
  await me.page.getByText("(confirmed)").waitFor();
  await me.press("Log out");
  await me.heading("Welcome back");
  expect(await me.context.cookies(server.url)).toEqual([]);
  await me.leave();
});

test("too many requests: when it can be tried again, as the server says", async () => {
  const me = await Person.arrive();
  const ask = async (): Promise<void> => {
    await me.page.goto(`${app}/request-reset`);
    await me.fill("E-mail address", "paul@example.com");
    await me.press("Send the link");
  };
  await ask();
  await me.heading("Check your mail");
  // The browser's clock stands still, so that what is told is what was answered.
  const now = Date.now();
  await me.page.clock.setFixedTime(now);
  const answer = me.page.waitForResponse(
    (response) => response.url().endsWith("/auth/request_reset") && response.status() === 429,
  );
  await ask();
  const seconds = Number(await (await answer).headerValue("Retry-After"));
  expect(seconds).toBeGreaterThan(0);
  const told = me.page.getByText("You can try again in");
  expect(await told.textContent()).toBe(`You can try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`);
  await me.page.clock.setFixedTime(now + seconds * 1000);
  await told.waitFor({ state: "detached" });
  await me.leave();
});
