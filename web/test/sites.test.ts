import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp } from "./lib/app";
import { closeBrowser, register, testPassword, useFullBrowser, Visitor } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";
import { startTLSProxy, type TLSProxy } from "./lib/tls";

// The table "Where it can be served" of docs/frontend.md, over TLS, with production settings: which cookie the server
// sets, and whether the browser sends it. trek.localhost is one site, elsewhere.localhost another.
const folder = mkdtempSync(join(tmpdir(), "techtreks-sites-"));
let proxy: TLSProxy;
let server: TestServer | undefined;
let auth: string;
const at = (host: string): string => `https://${host}.localhost:${proxy.port}`;

beforeAll(async () => {
  useFullBrowser();
  proxy = await startTLSProxy();
  auth = at("auth.trek");
  await buildApp(join(folder, "app"), auth);
  for (const host of ["app.trek", "www.elsewhere"]) proxy.route(`${host}.localhost`, join(folder, "app"));
});
afterAll(async () => {
  proxy.close();
  await server?.stop();
  await closeBrowser();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(settings: Record<string, string>): Promise<void> {
  await server?.stop();
  server = await startServer({
    APP_ENV: "production",
    SECRET_KEY: "a key of tests as long as production asks for",
    PUBLIC_URL: auth,
    MAIL_FROM: "TechTreks <no-reply@trek.localhost>",
    TRUSTED_PROXIES: "127.0.0.1",
    RATE_LIMITS: "login: 100 per minute; default: 1000 per day",
    ...settings,
  });
  proxy.route("auth.trek.localhost", server.url);
  await register(server.url, "quinn");
}

const currentUsername = (me: Visitor): Promise<unknown> =>
  me.page.evaluate(async (url) => {
    const response = await fetch(`${url}/auth/current_user`, { credentials: "include" });
    return ((await response.json()) as { user: { username: string } | null }).user?.username ?? null;
  }, auth);

const ignoreCertificate = { ignoreHTTPSErrors: true };

/** Logs in with a browser that drops the cookie: the login succeeds, and the next request has no session. */
async function expectCookieDropped(app: string): Promise<void> {
  const me = await Visitor.open(ignoreCertificate);
  await me.page.goto(`${app}/login`);
  await me.fill("Username or email", "quinn");
  await me.fill("Password", testPassword);
  await me.press("Log in");
  await me.page.getByText("Your session has ended").waitFor();
  expect(await currentUsername(me)).toBeNull();
  await me.close();
}

async function expectLoginWorks(app: string, me: Visitor): Promise<Visitor> {
  await me.login(app, "quinn");
  await me.page.reload();
  await me.heading("Hello, quinn");
  expect(await currentUsername(me)).toBe("quinn");
  expect(await me.page.evaluate(() => document.cookie)).toBe("");
  return me;
}

test("same origin and subdomain of the same site; another site gets no cookie", async () => {
  const app = at("app.trek");
  await serve({ ALLOWED_ORIGINS: `${app},${at("www.elsewhere")}`, FRONTEND_URL: app });
  for (const where of [`${auth}/app`, app]) {
    const me = await expectLoginWorks(where, await Visitor.open(ignoreCertificate));
    const cookies = await me.context.cookies();
    const expected = { name: "__Host-session", domain: "auth.trek.localhost", path: "/", secure: true, httpOnly: true };
    expect(cookies).toMatchObject([{ ...expected, sameSite: "Lax" }]);
    await me.press("Log out");
    await me.heading("Log in to TechTreks");
    expect(await me.context.cookies()).toEqual([]);
    await me.close();
  }
  // No browser accepts a Lax cookie from another site.
  await expectCookieDropped(at("www.elsewhere"));
});

test("another site with COOKIE_SAMESITE=none; COOKIE_DOMAIN shares the cookie with subdomains", async () => {
  const app = at("www.elsewhere");
  await serve({
    ALLOWED_ORIGINS: app,
    FRONTEND_URL: app,
    WEB: "false",
    COOKIE_SAMESITE: "none",
    COOKIE_DOMAIN: "trek.localhost",
  });
  await expectCookieDropped(app); // in a browser that blocks third-party cookies
  const me = await expectLoginWorks(
    app,
    await Visitor.openWithThirdPartyCookies(join(folder, "profile"), ignoreCertificate),
  );
  const expected = { name: "__Secure-session", domain: ".trek.localhost", secure: true, httpOnly: true };
  expect(await me.context.cookies()).toMatchObject([{ ...expected, sameSite: "None" }]);
  expect(await me.context.cookies(at("app.trek"))).toHaveLength(1);
  expect(await me.context.cookies(app)).toEqual([]);
  await me.press("Log out");
  await me.heading("Log in to TechTreks");
  expect(await me.context.cookies()).toEqual([]);
  await me.close();
});
