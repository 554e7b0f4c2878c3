import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp } from "./lib/app";
import { closeBrowser, Person, register, secret, useWholeBrowser } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";
import { type Front, openFront } from "./lib/tls";

// The table "Where it can be served" of docs/frontend.md, over TLS, with the settings of production: which cookie there
// is, and whether the browser sends it. trek.localhost is one site, elsewhere.localhost another.
const folder = mkdtempSync(join(tmpdir(), "techtreks-sites-"));
let front: Front;
let server: TestServer | undefined;
let auth: string;
const at = (host: string): string => `https://${host}.localhost:${front.port}`;

beforeAll(async () => {
  useWholeBrowser();
  front = await openFront();
  auth = at("auth.trek");
  await buildApp(join(folder, "app"), auth);
  for (const host of ["app.trek", "www.elsewhere"]) front.route(`${host}.localhost`, join(folder, "app"));
});
afterAll(async () => {
  front.close();
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
  front.route("auth.trek.localhost", server.url);
  await register(server.url, "quinn");
}

const whoIsThere = (me: Person): Promise<unknown> =>
  me.page.evaluate(async (url) => {
    const response = await fetch(`${url}/auth/current_user`, { credentials: "include" });
    return ((await response.json()) as { user: { username: string } | null }).user?.username ?? null;
  }, auth);

const lenient = { ignoreHTTPSErrors: true };

/** Logs in, with a browser that does not keep the cookie: the login succeeds, and the next request finds no session. */
async function doesNotWorkAt(app: string): Promise<void> {
  const me = await Person.arrive(lenient);
  await me.page.goto(`${app}/login`);
  await me.fill("User name or e-mail address", "quinn");
  await me.fill("Password", secret);
  await me.press("Log in");
  await me.page.getByText("Your session has ended").waitFor();
  expect(await whoIsThere(me)).toBeNull();
  await me.leave();
}

async function worksAt(app: string, me: Person): Promise<Person> {
  await me.login(app, "quinn");
  await me.page.reload();
  await me.heading("Hello, quinn");
  expect(await whoIsThere(me)).toBe("quinn");
  expect(await me.page.evaluate(() => document.cookie)).toBe("");
  return me;
}

test("the same origin, and a sub-domain of the same site; from another site the cookie is not sent", async () => {
  const app = at("app.trek");
  await serve({ ALLOWED_ORIGINS: `${app},${at("www.elsewhere")}`, FRONTEND_URL: app });
  for (const where of [`${auth}/app`, app]) {
    const me = await worksAt(where, await Person.arrive(lenient));
    const cookies = await me.context.cookies();
    const expected = { name: "__Host-session", domain: "auth.trek.localhost", path: "/", secure: true, httpOnly: true };
    expect(cookies).toMatchObject([{ ...expected, sameSite: "Lax" }]);
    await me.press("Log out");
    await me.heading("Welcome back");
    expect(await me.context.cookies()).toEqual([]);
    await me.leave();
  }
  // A Lax cookie is not taken from another site, whatever the browser.
  await doesNotWorkAt(at("www.elsewhere"));
});

test("another site, with COOKIE_SAMESITE=none; COOKIE_DOMAIN shows the cookie to neighbours", async () => {
  const app = at("www.elsewhere");
  await serve({
    ALLOWED_ORIGINS: app,
    FRONTEND_URL: app,
    WEB: "false",
    COOKIE_SAMESITE: "none",
    COOKIE_DOMAIN: "trek.localhost",
  });
  await doesNotWorkAt(app); // in a browser that blocks cookies of other sites
  const me = await worksAt(app, await Person.arriveWithThirdPartyCookies(join(folder, "profile"), lenient));
  const expected = { name: "__Secure-session", domain: ".trek.localhost", secure: true, httpOnly: true };
  expect(await me.context.cookies()).toMatchObject([{ ...expected, sameSite: "None" }]);
  expect(await me.context.cookies(at("app.trek"))).toHaveLength(1);
  expect(await me.context.cookies(app)).toEqual([]);
  await me.press("Log out");
  await me.heading("Welcome back");
  expect(await me.context.cookies()).toEqual([]);
  await me.leave();
});
