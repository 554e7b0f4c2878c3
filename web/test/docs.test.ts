import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp, manual, port3000, serveAtPort3000 } from "./lib/app";
import { closeBrowser, Person, register, secret } from "./lib/browser";
import { visitorSends } from "./lib/next-headers";
import { root, startServer, type TestServer } from "./lib/server";

// Every block of code in docs/frontend.md and README.md, run against a server with the settings of development,
// which let http://localhost:3000 call it. That they compile is a matter of scripts/test-web.sh.
const server_ = "http://localhost:5001";
let server: TestServer;
let folder: string;
let me: Person;
beforeAll(async () => {
  server = await startServer({ WEB: "false" });
  folder = mkdtempSync(join(tmpdir(), "techtreks-docs-"));
  await register(server.url, "alice");
  me = await Person.arrive();
});
afterAll(async () => {
  await me.leave();
  await closeBrowser();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("the hook and the protected pages are those of the web app", () => {
  const own = (path: string, name: string): string[] => {
    const code = readFileSync(join(root, "web/src/session", path), "utf8");
    return (new RegExp(`export function ${name}.*?\n}`, "s").exec(code)?.[0] ?? "").split("\n");
  };
  expect(manual("useUser.ts")).toContain(own("useUser.ts", "useUser").join("\n"));
  const lines = own("RequireAuth.tsx", "RequireAuth");
  expect(lines.length).toBeGreaterThan(5);
  // Its last line has what is shown while nobody knows who is logged in, which is the app's own.
  expect(manual("RequireAuth.tsx")).toContain(lines.slice(0, -2).join("\n"));
  expect([...manual("useUser.ts").split("\n"), ...manual("RequireAuth.tsx").split("\n")].length).toBeLessThan(30);
});

test("plain fetch, as the Flask system's front end calls", async () => {
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>elsewhere</title><link rel=icon href=data:,>");
  await serveAtPort3000(me.context, folder);
  await me.page.goto(port3000);
  const run = async (code: string, result: string): Promise<unknown> =>
    await me.page.evaluate(`(async () => { ${code.replaceAll(server_, server.url)}; return ${result}; })()`);
  const calls = manual("fetch.js").replace("Tr4vel-lighter!", secret);
  expect(await run(calls, "{ status: res.status, data, me }")).toMatchObject({
    status: 200,
    data: { ok: true },
    me: { ok: true, user: { username: "alice", email: "alice@example.com" } },
  });
  // The calls end with a logout.
  expect(await run(manual("page.js"), "data")).toEqual({ ok: false, user: null });

  const post = `const post = (path, body) => fetch("${server_}" + path, { method: "POST", credentials: "include",
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }).then(async (r) => [r.status, await r.json()]);`;
  const who = `{ username: "rosa", email: "rosa@example.com", password: "${secret}" }`;
  const registered = await run(
    `${post} const a = await post("/auth/register", ${who}); const b = await post("/auth/register", ${who});
     const c = await post("/auth/login", { username: "rosa", password: "wrong" });`,
    "[a, b, c]",
  );
  expect(registered).toMatchObject([
    [201, { ok: true, msg: "User registered" }],
    [409, { ok: false, error: "Username already taken" }],
    [401, { ok: false, error: "invalid credentials" }],
  ]);
});

test("React: the app of the manual", async () => {
  const main = join(folder, "main");
  await buildApp(main, server.url, {
    root: join(root, "web/test/docs"),
    resolve: {
      alias: {
        "@techtreks/auth-client/react-query": join(root, "gen/ts/@tanstack/react-query.gen.ts"),
        "@techtreks/auth-client": join(root, "gen/ts/index.ts"),
      },
    },
    plugins: [
      {
        name: "the server of this test",
        transform: (code, id) =>
          id.startsWith(join(root, "web/test/docs")) ? code.replaceAll(server_, server.url) : undefined,
      },
    ],
    build: {
      rollupOptions: { input: join(root, "web/test/docs/main.tsx"), output: { entryFileNames: "main.js" } },
    },
  });
  writeFileSync(
    join(main, "index.html"),
    "<!doctype html><title>an app</title><link rel=icon href=data:,><body><script type=module src=/main.js></script>",
  );
  await serveAtPort3000(me.context, main);
  await me.page.goto(`${port3000}/somewhere/else`);
  await me.page.getByLabel("Name").fill("alice");
  expect(me.page.url()).toBe(`${port3000}/login?next=%2Fsomewhere%2Felse`);
  await me.fill("Password", "wrong");
  await me.press("Log in");
  await me.page.getByText("invalid credentials").waitFor();
  await me.page.getByLabel("Name").fill("alice");
  await me.fill("Password", secret);
  await me.press("Log in");
  await me.heading(/^Hello, alice/);
  expect(me.page.url()).toBe(`${port3000}/somewhere/else`);
  await me.page.reload();
  await me.heading(/^Hello, alice/);
  await me.press("Log out");
  await me.page.getByLabel("Name").waitFor();
});

test("Next.js: the server asks for the visitor, and for nobody else", async () => {
  process.env.AUTH_URL = server.url;
  const { currentUser } = (await import("./docs/lib/user")) as {
    currentUser: () => Promise<{ username: string } | null>;
  };
  expect(await currentUser()).toBeNull();
  await me.enter({ url: server.url, app: port3000 }, "alice");
  const [session] = await me.context.cookies(server.url);
  visitorSends(`other=1; ${session?.name}=${session?.value}`);
  expect(await currentUser()).toMatchObject({ username: "alice" });
  visitorSends("");
  expect(await currentUser()).toBeNull();
});
