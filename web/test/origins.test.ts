import { join } from "node:path";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeBrowser, Person, register, secret } from "./lib/browser";
import { freePort, root, startServer, type TestServer } from "./lib/server";

// The app on an origin of its own, as in development: cookies and CORS.
let server: TestServer;
let vite: ViteDevServer;
let app: string;
beforeAll(async () => {
  const port = await freePort();
  app = `http://localhost:${port}`;
  server = await startServer({ ALLOWED_ORIGINS: app, FRONTEND_URL: app, WEB: "false" });
  process.env.VITE_API_URL = server.url;
  vite = await createServer({ root: join(root, "web"), logLevel: "error", server: { port, hmr: false } });
  await vite.listen();
});
afterAll(async () => {
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

test("the calls of the Flask system's front end work as they are", async () => {
  const me = await Person.arrive();
  await me.page.goto(`${app}/login`);
  const seen = await me.page.evaluate(
    async ({ api, password }) => {
      const post = (path: string, body: unknown): Promise<Response> =>
        fetch(`${api}${path}`, {
          method: "POST",
          credentials: "include",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
        });
      const current = async (): Promise<unknown> =>
        (await fetch(`${api}/auth/current_user`, { credentials: "include" })).json();
      const registered = await post("/auth/register", { username: "rosa", email: "rosa@example.com", password });
      const refused = await post("/auth/login", { username: "rosa", password: "wrong" });
      const refusal: unknown = await refused.json();
      const loggedIn = await post("/auth/login", { username: "rosa", password });
      const somebody = await current();
      const loggedOut = await post("/auth/logout", {});
      return {
        statuses: [registered.status, refused.status, loggedIn.status, loggedOut.status],
        refusal,
        somebody,
        nobody: await current(),
      };
    },
    { api: server.url, password: secret },
  );
  expect(seen.statuses).toEqual([201, 401, 200, 200]);
  expect(seen.refusal).toMatchObject({ ok: false, error: "invalid credentials" });
  expect(seen.somebody).toMatchObject({ ok: true, user: { username: "rosa", email: "rosa@example.com" } });
  expect(seen.nobody).toEqual({ ok: false, user: null });
  await me.leave();
});
