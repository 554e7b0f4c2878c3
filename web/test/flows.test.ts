import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeBrowser, Person, register, secret } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// Every page, as somebody uses it, in the app that the server itself serves.
let server: TestServer;
let me: Person;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await closeBrowser();
  await server.stop();
});
beforeEach(async () => {
  me = await Person.arrive();
});
afterEach(async () => me.leave());

test("register, confirm the address, log in, log out", async () => {
  await me.page.goto(`${server.app}/register`);
  await me.fill("User name", "ada");
  await me.fill("E-mail address", "ada@example.com");
  await me.fill("Password", secret);
  await me.page.getByText("Strong").or(me.page.getByText("Good")).first().waitFor();
  await me.press("Create account");
  await me.heading("Your account is ready");

  const link = await server.mailbox.link("ada@example.com", "/verify");
  expect(link.startsWith(`${server.app}/verify#token=`)).toBe(true);
  const asked: string[] = [];
  me.page.on("request", (request) => asked.push(`${request.url()} ${JSON.stringify(request.headers())}`));
  await me.page.exposeFunction("sent", (url: string, body: string) => asked.push(`${url} ${body}`));
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
  await me.heading("Your address is confirmed");
  const token = link.split("=")[1] ?? "";
  // The token went to its endpoint, in the body, and nowhere else; nor is it left in the address bar.
  await expect
    .poll(() => asked.filter((line) => line.includes(token)))
    .toEqual([`${server.url}/auth/verify {"token":"${token}"}`]);
  expect(me.page.url()).not.toContain(token);

  await me.login(server.app, "ada");
  await me.page.getByText("ada@example.com (confirmed)").waitFor();
  await me.press("Log out");
  await me.heading("Welcome back");
  await me.page.goBack();
  await me.heading("Your address is confirmed");
  await me.page.goForward();
  await me.heading("Welcome back");
});

test("a visitor logs in and comes back to where they wanted to go", async () => {
  await register(server.url, "bob");
  await me.page.goto(`${server.app}/account/sessions`);
  await me.heading("Welcome back");
  await me.fill("User name or e-mail address", "bob@example.com");
  await me.fill("Password", secret);
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
  await me.heading("Welcome back");
  await me.page.goBack();
  await me.heading("Welcome back");
  expect(await me.page.getByText("bob").count()).toBe(0);
  await me.login(server.app, "bob");
  // Who is logged in has nothing to look for at the login; a foreign address in the link leads nowhere.
  await me.page.goto(`${server.app}/login?next=${encodeURIComponent("//evil.example/")}`);
  await me.heading("Hello, bob");
});

test("the rules are told before anything is sent, and the server's on their fields", async () => {
  await register(server.url, "carla");
  await me.page.goto(`${server.app}/register`);
  let sent = 0;
  me.page.on("request", (request) => (sent += request.method() === "POST" ? 1 : 0));
  await me.fill("User name", "ö");
  await me.fill("E-mail address", "nobody");
  await me.fill("Password", "short");
  await me.press("Create account");
  await me.page.getByText("A name has 3 to 30 characters.").waitFor();
  await me.page.getByText("That is not an e-mail address.").waitFor();
  await me.page.getByText("Add more characters.").waitFor();
  expect(sent).toBe(0);
  await me.fill("User name", "Carla");
  await me.fill("E-mail address", "c@example.com");
  await me.fill("Password", secret);
  await me.press("Create account");
  await me.page.getByText("Somebody has this name already.").waitFor();
  expect(await me.page.getByLabel("User name").getAttribute("aria-invalid")).toBe("true");
  await me.fill("User name", "carla2");
  await me.fill("Password", "Password1!");
  await me.press("Create account");
  await me.page.getByText("Many people use this one; it is guessed first.").waitFor();
});

test("a lost password is set anew", async () => {
  await register(server.url, "dora");
  await me.page.goto(`${server.app}/login`);
  await me.page.getByRole("link", { name: "Forgot your password?" }).click();
  await me.fill("E-mail address", "dora@example.com");
  await me.press("Send the link");
  await me.heading("Check your mail");
  const link = await server.mailbox.link("dora@example.com", "/reset-password");
  await me.page.goto(link);
  await me.heading("Set a new password");
  await me.page.reload(); // the token survives
  await me.fill("New password", "An0ther-way!");
  await me.press("Set the password");
  await me.heading("Your password is set");
  await me.page.goto("about:blank");
  await me.page.goto(link);
  await me.fill("New password", "Yet-an0ther!");
  await me.press("Set the password");
  await me.page.getByText("This link does not work any more.").waitFor();
  await me.login(server.app, "dora", "An0ther-way!");
});

test("a link without its token, and the confirmation mail again", async () => {
  await register(server.url, "emil");
  const first = await server.mailbox.link("emil@example.com", "/verify");
  await me.page.goto(`${server.app}/verify`);
  await me.page.getByText("This link is incomplete.").waitFor();
  await me.page.getByRole("link", { name: "Send the confirmation mail again" }).click();
  await me.fill("E-mail address", "emil@example.com");
  await me.press("Send the link");
  await me.heading("Check your mail");
  await expect.poll(() => server.mailbox.link("emil@example.com", "/verify"), { timeout: 10_000 }).not.toBe(first);
  await me.page.goto(first);
  await me.page.getByText("This link does not work any more.").waitFor();
});

test("profile, address, password", async () => {
  await register(server.url, "frida");
  await me.enter(server, "frida", "/account/profile");
  await me.fill("User name", "frida.k");
  await me.press("Save");
  await me.page.getByText("Saved.").waitFor();
  await me.page.getByRole("link", { name: "E-mail address" }).click();
  await me.fill("New e-mail address", "frida@new.example");
  await me.press("Save");
  await me.page.getByText("We have sent a mail to frida@new.example").waitFor();
  await me.page.goto(await server.mailbox.link("frida@new.example", "/verify"));
  await me.heading("Your address is confirmed");
  await me.page.goto(`${server.app}/account/password`);
  await me.fill("Current password", "wrong");
  await me.fill("New password", "An0ther-way!");
  await me.press("Change the password");
  await me.page.getByText("That is not your password.").waitFor();
  await me.fill("Current password", secret);
  await me.press("Change the password");
  await me.page.getByText("Your password is changed").waitFor();
});

test("sessions: seen, one ended, all others ended", async () => {
  await register(server.url, "gina");
  const others = [await Person.arrive(), await Person.arrive(), await Person.arrive()];
  for (const other of others) await other.enter(server, "gina");
  await me.enter(server, "gina", "/account/sessions");
  await me.page.getByText("This device").waitFor();
  expect(
    await me.page.getByRole("listitem").filter({ hasText: "Chromium" }).or(me.page.getByText("Last used")).count(),
  ).toBeGreaterThan(3);
  await me.page
    .getByRole("button", { name: /^Log out (?!This|everywhere)/ })
    .nth(0)
    .click();
  await me.page.getByText("That session has ended.").waitFor();
  await me.press("Log out everywhere else");
  await me.page.getByRole("alertdialog").getByRole("button", { name: "Log out everywhere else" }).click();
  await me.page.getByText("You are logged out everywhere else.").waitFor();
  for (const other of others) {
    await other.page.getByRole("link", { name: "Account", exact: true }).click();
    await other.page.getByRole("link", { name: "Sessions" }).click();
    await other.page.getByText("Your session has ended").waitFor();
    await other.leave();
  }
});

test("take the data along, and leave", async () => {
  await register(server.url, "hugo");
  await me.enter(server, "hugo", "/account/data");
  const [download] = await Promise.all([me.page.waitForEvent("download"), me.press("Download")]);
  const exported = JSON.parse(await readFile(await download.path(), "utf8"));
  expect(exported.account.username).toBe("hugo");
  await me.press("Delete my account");
  await me.fill("Password", "wrong");
  await me.press("Delete for good");
  await me.page.getByText("That is not your password.").waitFor();
  await me.fill("Password", secret);
  await me.press("Delete for good");
  await me.page.getByText("Your account is deleted.").waitFor();
  await me.fill("User name or e-mail address", "hugo");
  await me.fill("Password", secret);
  await me.press("Log in");
  await me.page.getByText("No account has this name and password.").waitFor();
});

test("two languages and two themes, remembered", async () => {
  await me.page.goto(`${server.app}/login`);
  await me.page.getByLabel("Language").selectOption("de");
  await me.heading("Willkommen zurück");
  await me.page.getByLabel("Darstellung").selectOption("dark");
  const background = (): Promise<string> =>
    me.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  expect(await background()).toBe("rgb(12, 15, 21)");
  await me.page.reload();
  await me.heading("Willkommen zurück");
  expect(await background()).toBe("rgb(12, 15, 21)");
  expect(await me.page.getAttribute("html", "lang")).toBe("de");
});
