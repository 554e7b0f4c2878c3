import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeBrowser, Person, register, secret } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// What happens when things go wrong: sessions that end, a network that fails, a server that is busy.
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

test("a session that ends while a form is filled in costs nothing that was typed", async () => {
  await register(server.url, "ida");
  await me.login(server.app, "ida");
  await me.page.goto(`${server.app}/account/profile`);
  await me.fill("User name", "ida.b");
  server.sql("DELETE FROM sessions");
  await me.press("Save");
  await me.page.getByText("Your session has ended").waitFor();
  await me.fill("Password", "wrong");
  await me.press("Go on");
  await me.page.getByText("No account has this name and password.").waitFor();
  await me.fill("Password", secret);
  await me.press("Go on");
  await me.page.getByText("Saved.").waitFor();
  expect(await me.page.getByLabel("User name").inputValue()).toBe("ida.b");
});

test("many requests without a session ask once; who does not answer goes to the login", async () => {
  await register(server.url, "jan");
  await me.login(server.app, "jan");
  server.sql("DELETE FROM sessions");
  await me.page.getByRole("link", { name: "Account" }).click();
  await me.page.getByRole("link", { name: "Sessions" }).click();
  await me.page.getByRole("alertdialog").waitFor();
  expect(await me.page.getByRole("alertdialog").count()).toBe(1);
  await me.press("Log in as somebody else");
  await me.heading("Welcome back");
  expect(me.page.url()).toContain("next=%2Faccount%2Fsessions");
});

test("a change that needs a fresh login asks for the password and is then made", async () => {
  await register(server.url, "karl");
  await me.login(server.app, "karl");
  server.sql("UPDATE sessions SET authenticated_at = authenticated_at - 660000000");
  await me.page.goto(`${server.app}/account/email`);
  await me.fill("New e-mail address", "karl@new.example");
  await me.press("Save");
  await me.page.getByText("Confirm that it is you").waitFor();
  await me.press("Cancel");
  await me.page.getByText("This needs your password.").waitFor();
  await me.press("Save");
  await me.fill("Password", secret);
  await me.press("Go on");
  await me.page.getByText("Have a look at karl@new.example").waitFor();
});

test("logging out in one tab logs out the other", async () => {
  await register(server.url, "lena");
  await me.login(server.app, "lena");
  const other = await me.context.newPage();
  await other.goto(`${server.app}/account/sessions`);
  await other.getByRole("heading", { name: "Sessions" }).waitFor();
  await me.press("Log out");
  await other.getByRole("heading", { name: "Welcome back" }).waitFor();
});

test("a network that fails is told, and the same form works when it is back", async () => {
  await register(server.url, "mia");
  await me.page.goto(`${server.app}/login`);
  await me.fill("User name or e-mail address", "mia");
  await me.fill("Password", secret);
  await me.context.setOffline(true);
  await me.press("Log in");
  await me.page.getByText("The server cannot be reached.").waitFor();
  await me.context.setOffline(false);
  await me.press("Log in");
  await me.heading("Hello, mia");
  await me.context.setOffline(true);
  await me.page.getByText("You are offline.").waitFor();
});

test("a server that fails says so, with a reference, and can be asked again", async () => {
  await register(server.url, "nils");
  await me.login(server.app, "nils");
  const failing = `${server.url}/auth/sessions`;
  await me.page.route(failing, (route) =>
    route.fulfill({
      status: 500,
      json: { ok: false, error: "x", code: "internal_error", request_id: "5GJ2XQ7KZC4VTB6MW3RNHD5YAE" },
    }),
  );
  await me.page.goto(`${server.app}/account/sessions`);
  await me.page.getByText("5GJ2XQ7KZC4VTB6MW3RNHD5YAE").waitFor();
  await me.page.unroute(failing);
  await me.press("Try again");
  await me.page.getByText("This device").waitFor();
});

test("too many requests: when it can be tried again", async () => {
  await me.page.goto(`${server.app}/login`);
  await me.page.route(`${server.url}/auth/login`, (route) =>
    route.fulfill({
      status: 429,
      headers: { "Retry-After": "42" },
      json: { ok: false, error: "x", code: "rate_limited" },
    }),
  );
  await me.fill("User name or e-mail address", "anybody");
  await me.fill("Password", "anything");
  await me.press("Log in");
  await me.page.getByText(/You can try again in 4[0-2] seconds\./).waitFor();
});

test("a slow answer keeps the button from being pressed twice", async () => {
  await register(server.url, "olga");
  await me.login(server.app, "olga");
  await me.page.goto(`${server.app}/account/profile`);
  let sent = 0;
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await me.page.route(`${server.url}/auth/update_profile`, async (route) => {
    sent++;
    await answered;
    await route.continue();
  });
  await me.fill("User name", "olga.c");
  await me.press("Save");
  await me.page.locator("button[aria-busy=true]").waitFor();
  await me.page.locator("button[aria-busy=true]").click({ force: true });
  answer();
  await me.page.getByText("Saved.").waitFor();
  expect(sent).toBe(1);
});
