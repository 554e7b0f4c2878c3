import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp, codeBlock, port3000, serveAtPort3000 } from "./lib/app";
import { closeBrowser, register, testPassword, Visitor } from "./lib/browser";
import { setRequestCookies } from "./lib/next-headers";
import { root, startServer, type TestServer } from "./lib/server";

// Runs every code block of docs/frontend.md and README.md against a server with development settings, which allow
// http://localhost:3000. scripts/test-web.sh checks that they compile.
const documentedServer = "http://localhost:5001";
let server: TestServer;
let folder: string;
let me: Visitor;
beforeAll(async () => {
  server = await startServer({ WEB: "false" });
  folder = mkdtempSync(join(tmpdir(), "techtreks-docs-"));
  await register(server.url, "alice");
  me = await Visitor.open();
});
afterAll(async () => {
  await me.close();
  await closeBrowser();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("useUser and RequireAuth are the code of the web app", () => {
  const own = (path: string, name: string): string[] => {
    const code = readFileSync(join(root, "web/src/session", path), "utf8");
    return (new RegExp(`export function ${name}.*?\n}`, "s").exec(code)?.[0] ?? "").split("\n");
  };
  expect(codeBlock("useUser.ts")).toContain(own("useUser.ts", "useUser").join("\n"));
  const lines = own("RequireAuth.tsx", "RequireAuth");
  expect(lines.length).toBeGreaterThan(5);
  // The last line differs: it has the app's own components for loading and errors.
  expect(codeBlock("RequireAuth.tsx")).toContain(lines.slice(0, -2).join("\n"));
  expect([...codeBlock("useUser.ts").split("\n"), ...codeBlock("RequireAuth.tsx").split("\n")].length).toBeLessThan(30);
});

test("plain fetch, as front ends of the Flask system use it", async () => {
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>elsewhere</title><link rel=icon href=data:,>");
  await serveAtPort3000(me.context, folder);
  await me.page.goto(port3000);
  const run = async (code: string, result: string): Promise<unknown> =>
    await me.page.evaluate(`(async () => { ${code.replaceAll(documentedServer, server.url)}; return ${result}; })()`);
  const calls = codeBlock("fetch.js").replace("Tr4vel-lighter!", testPassword);
  expect(await run(calls, "{ status: res.status, data, me }")).toMatchObject({
    status: 200,
    data: { ok: true },
    me: { ok: true, user: { username: "alice", email: "alice@example.com" } },
  });
  // The calls end with a logout.
  expect(await run(codeBlock("page.js"), "data")).toEqual({ ok: false, user: null });

  const post = `const post = (path, body) => fetch("${documentedServer}" + path, { method: "POST", credentials: "include",
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }).then(async (r) => [r.status, await r.json()]);`;
  const who = `{ username: "rosa", email: "rosa@example.com", password: "${testPassword}" }`;
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

test("React: the app of docs/frontend.md", async () => {
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
          id.startsWith(join(root, "web/test/docs")) ? code.replaceAll(documentedServer, server.url) : undefined,
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
  await me.fill("Password", testPassword);
  await me.press("Log in");
  await me.heading(/^Hello, alice/);
  expect(me.page.url()).toBe(`${port3000}/somewhere/else`);
  await me.page.reload();
  await me.heading(/^Hello, alice/);
  await me.press("Log out");
  await me.page.getByLabel("Name").waitFor();
});

test("Next.js: currentUser returns the user of the visitor's cookie only", async () => {
  process.env.AUTH_URL = server.url;
  const { currentUser } = (await import("./docs/lib/user")) as {
    currentUser: () => Promise<{ username: string } | null>;
  };
  expect(await currentUser()).toBeNull();
  await me.loginByRequest({ url: server.url, app: port3000 }, "alice");
  const [session] = await me.context.cookies(server.url);
  setRequestCookies(`other=1; ${session?.name}=${session?.value}`);
  expect(await currentUser()).toMatchObject({ username: "alice" });
  setRequestCookies("");
  expect(await currentUser()).toBeNull();
});
