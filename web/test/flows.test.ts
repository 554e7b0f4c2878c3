import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeBrowser, register, testPassword, Visitor } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// Every page, as users use it, in the app that the server itself serves.
let server: TestServer;
let me: Visitor;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await closeBrowser();
  await server.stop();
});
beforeEach(async () => {
  me = await Visitor.open();
});
afterEach(async () => me.close());

test("sign up, confirm the email, log in, log out", async () => {
  await me.page.goto(`${server.app}/register`);
  await me.fill("Username", "ada");
  await me.fill("Email", "ada@example.com");
  await me.fill("Password", testPassword);
  await me.page.getByText("Strong").or(me.page.getByText("Good")).first().waitFor();
  await me.press("Create account");
  await me.heading("Account created");

  const link = await server.mailbox.link("ada@example.com", "/verify");
  expect(link.startsWith(`${server.app}/verify#token=`)).toBe(true);
  const requests: string[] = [];
  me.page.on("request", (request) => requests.push(`${request.url()} ${JSON.stringify(request.headers())}`));
  await me.page.exposeFunction("sent", (url: string, body: string) => requests.push(`${url} ${body}`));
  await me.page.addInitScript(() => {
    const real = window.fetch;
    window.fetch = async (input, init) => {
      const request = new Request(input, init);
      (window as unknown as { sent: (url: string, body: string) => void }).sent(
        request.url,
        await request.clone().text(),
      );
      return await real(request);
    };
  });
  await me.page.goto(link);
  await me.heading("Your email is confirmed");
  const token = link.split("=")[1] ?? "";
  // The token is sent to its endpoint only, in the body, and does not stay in the address bar.
  await expect
    .poll(() => requests.filter((line) => line.includes(token)))
    .toEqual([`${server.url}/auth/verify {"token":"${token}"}`]);
  expect(me.page.url()).not.toContain(token);

  await me.login(server.app, "ada");
  await me.page.getByText("ada@example.com (confirmed)").waitFor();
  await me.press("Log out");
  await me.heading("Log in to TechTreks");
  await me.page.goBack();
  await me.heading("Your email is confirmed");
  await me.page.goForward();
  await me.heading("Log in to TechTreks");
});

test("a login returns to the requested page", async () => {
  await register(server.url, "bob");
  await me.page.goto(`${server.app}/account/sessions`);
  await me.heading("Log in to TechTreks");
  await me.fill("Username or email", "bob@example.com");
  await me.fill("Password", testPassword);
  await me.page.keyboard.press("Enter");
  await me.heading("Sessions");
  expect(me.page.url()).toBe(`${server.app}/account/sessions`);
  await me.page.reload();
  await me.heading("Sessions");
  // Back and forward, within the account and after it.
  await me.page.getByRole("link", { name: "Activity" }).click();
  await me.heading("Activity");
  await me.page.goBack();
  await me.heading("Sessions");
  await me.page.goForward();
  await me.heading("Activity");
  await me.press("Log out");
  await me.heading("Log in to TechTreks");
  await me.page.goBack();
  await me.heading("Log in to TechTreks");
  expect(await me.page.getByText("bob").count()).toBe(0);
  await me.login(server.app, "bob");
  // With a session, the login page redirects, but never to another site.
  await me.page.goto(`${server.app}/login?next=${encodeURIComponent("//evil.example/")}`);
  await me.heading("Hello, bob");
});

test("invalid input is shown before a request is made, errors of the server at their fields", async () => {
  await register(server.url, "carla");
  await me.page.goto(`${server.app}/register`);
  let sent = 0;
  me.page.on("request", (request) => (sent += request.method() === "POST" ? 1 : 0));
  await me.fill("Username", "ö");
  await me.fill("Email", "nobody");
  await me.fill("Password", "short");
  await me.press("Create account");
  await me.page.getByText("Use 3 to 30 characters.").waitFor();
  await me.page.getByText("Enter a valid email address.").waitFor();
  await me.page.getByText("Too short. Add more characters.").waitFor();
  expect(sent).toBe(0);
  await me.fill("Username", "Carla");
  await me.fill("Email", "c@example.com");
  await me.fill("Password", testPassword);
  await me.press("Create account");
  await me.page.getByText("This username is taken.").waitFor();
  expect(await me.page.getByLabel("Username").getAttribute("aria-invalid")).toBe("true");
  await me.fill("Username", "carla2");
  await me.fill("Password", "Password1!");
  await me.press("Create account");
  await me.page.getByText("This password is too common.").waitFor();
  expect(await me.page.locator("output").textContent()).toBe(""); // not called strong
});

test("reset a forgotten password", async () => {
  await register(server.url, "dora");
  await me.page.goto(`${server.app}/login`);
  await me.page.getByRole("link", { name: "Forgot your password?" }).click();
  await me.fill("Email", "dora@example.com");
  await me.press("Send reset link");
  await me.heading("Check your inbox");
  const link = await server.mailbox.link("dora@example.com", "/reset-password");
  await me.page.goto(link);
  await me.heading("Choose a new password");
  await me.page.reload(); // the token survives a reload
  await me.fill("New password", "An0ther-way!");
  await me.press("Reset password");
  await me.heading("Your password has been reset");
  await me.page.goto("about:blank");
  await me.page.goto(link);
  await me.fill("New password", "Yet-an0ther!");
  await me.press("Reset password");
  await me.page.getByText("This link has expired or was already used.").waitFor();
  await me.login(server.app, "dora", "An0ther-way!");
});

test("a link without its token; a second confirmation email", async () => {
  await register(server.url, "emil");
  const first = await server.mailbox.link("emil@example.com", "/verify");
  await me.page.goto(`${server.app}/verify`);
  await me.page.getByText("The link is incomplete.").waitFor();
  await me.page.getByRole("link", { name: "Resend confirmation email" }).click();
  await me.fill("Email", "emil@example.com");
  await me.press("Send new link");
  await me.heading("Check your inbox");
  await expect.poll(() => server.mailbox.link("emil@example.com", "/verify"), { timeout: 10_000 }).not.toBe(first);
  await me.page.goto(first);
  await me.page.getByText("This link has expired or was already used. If you already used it,").waitFor();
});

test("change username, email and password", async () => {
  await register(server.url, "frida");
  await me.loginByRequest(server, "frida", "/account/profile");
  await me.fill("Username", "frida.k");
  await me.press("Save username");
  await me.page.getByText("Your username has been saved.").waitFor();
  await me.page.getByRole("link", { name: "Email" }).click();
  await me.fill("New email", "frida@new.example");
  await me.press("Change email");
  await me.page.getByText("We’ve sent an email to frida@new.example").waitFor();
  await me.page.goto(await server.mailbox.link("frida@new.example", "/verify"));
  await me.heading("Your email is confirmed");
  await me.page.goto(`${server.app}/account/password`);
  await me.fill("Current password", "wrong");
  await me.fill("New password", "An0ther-way!");
  await me.press("Change password");
  await me.page.getByText("Incorrect password.").waitFor();
  await me.fill("Current password", testPassword);
  await me.press("Change password");
  await me.page.getByText("Your password has been changed.").waitFor();
});

test("list the sessions, end one, end all others", async () => {
  await register(server.url, "gina");
  const others = [await Visitor.open(), await Visitor.open(), await Visitor.open()];
  for (const other of others) await other.loginByRequest(server, "gina");
  await me.loginByRequest(server, "gina", "/account/sessions");
  await me.page.getByText("This device").waitFor();
  expect(
    await me.page
      .getByRole("listitem")
      .filter({ hasText: "Chromium" })
      .or(me.page.getByText(/Active now|Last active/))
      .count(),
  ).toBeGreaterThan(3);
  await me.page
    .getByRole("button", { name: /^Log out (?!This|all)/ })
    .nth(0)
    .click();
  await me.page.getByText("The device has been logged out.").waitFor();
  await me.press("Log out all other devices");
  await me.page.getByRole("alertdialog").getByRole("button", { name: "Log out all other devices" }).click();
  await me.page.getByText("All other devices have been logged out.").waitFor();
  for (const other of others) {
    await other.page.getByRole("link", { name: "Account", exact: true }).click();
    await other.page.getByRole("link", { name: "Sessions" }).click();
    await other.page.getByText("Your session has ended").waitFor();
    await other.close();
  }
});

test("download the data and delete the account", async () => {
  await register(server.url, "hugo");
  await me.loginByRequest(server, "hugo", "/account/data");
  const [download] = await Promise.all([me.page.waitForEvent("download"), me.press("Download data")]);
  const exported = JSON.parse(await readFile(await download.path(), "utf8"));
  expect(exported.account.username).toBe("hugo");
  await me.press("Delete my account");
  await me.page.getByText("The account hugo and all its data will be deleted permanently.").waitFor();
  expect(await me.page.getByLabel("Password", { exact: true }).count()).toBe(0);
  await me.press("Cancel");
  await me.page.getByRole("alertdialog").waitFor({ state: "detached" });
  await me.press("Delete my account");
  await me.press("Delete permanently");
  await me.page.getByText("Your account has been deleted.").waitFor();
  await me.fill("Username or email", "hugo");
  await me.fill("Password", testPassword);
  await me.press("Log in");
  await me.page.getByText("Wrong username or password.").waitFor();
});

test("set the first password of an account without one", async () => {
  await register(server.url, "ines");
  await me.loginByRequest(server, "ines");
  server.sql("UPDATE users SET password_hash = NULL WHERE username = 'ines'");
  await me.page.goto(`${server.app}/account/password`);
  await me.page.getByText("You don’t have a password yet.").waitFor();
  expect(await me.page.getByLabel("Current password", { exact: true }).count()).toBe(0);
  await me.fill("New password", "An0ther-way!");
  await me.press("Set password");
  await me.page.getByText("Your password has been set.").waitFor();
  await me.fill("Current password", "An0ther-way!");
  await me.fill("New password", "Yet-an0ther!");
  await me.press("Change password");
  await me.page.getByText("Your password has been changed.").waitFor();
});

test("a password that was set elsewhere is asked for", async () => {
  await register(server.url, "jana");
  await me.loginByRequest(server, "jana");
  server.sql("CREATE TABLE kept AS SELECT password_hash FROM users WHERE username = 'jana'");
  server.sql("UPDATE users SET password_hash = NULL WHERE username = 'jana'");
  await me.page.goto(`${server.app}/account/password`);
  await me.fill("New password", "An0ther-way!");
  server.sql("UPDATE users SET password_hash = (SELECT password_hash FROM kept) WHERE username = 'jana'");
  server.sql("DROP TABLE kept");
  await me.press("Set password");
  await me.page.getByLabel("Current password", { exact: true }).waitFor();
  await me.fill("Current password", testPassword);
  await me.press("Change password");
  await me.page.getByText("Your password has been changed.").waitFor();
});

test("language and theme are stored on the device", async () => {
  await me.page.goto(`${server.app}/login`);
  await me.page.getByLabel("Language").selectOption("de");
  await me.heading("Bei TechTreks anmelden");
  await me.page.getByLabel("Darstellung").selectOption("dark");
  const background = (): Promise<string> =>
    me.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  expect(await background()).toBe("rgb(12, 15, 21)");
  await me.page.reload();
  await me.heading("Bei TechTreks anmelden");
  expect(await background()).toBe("rgb(12, 15, 21)");
  expect(await me.page.getAttribute("html", "lang")).toBe("de");
});
