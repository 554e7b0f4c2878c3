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
  await me.enter(server, "ida", "/account/profile");
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
  await me.page.getByRole("link", { name: "Account", exact: true }).click();
  await me.page.getByRole("link", { name: "Sessions" }).click();
  await me.page.getByRole("alertdialog").waitFor();
  expect(await me.page.getByRole("alertdialog").count()).toBe(1);
  await me.press("Log in as somebody else");
  await me.heading("Welcome back");
  expect(me.page.url()).toContain("next=%2Faccount%2Fsessions");
});

test("a change that needs a fresh login asks for the password and is then made", async () => {
  await register(server.url, "karl");
  await me.enter(server, "karl", "/account/email");
  server.sql("UPDATE sessions SET authenticated_at = authenticated_at - 660000000");
  await me.fill("New e-mail address", "karl@new.example");
  await me.press("Save");
  await me.page.getByText("Confirm that it is you").waitFor();
  await me.press("Cancel");
  await me.page.getByText("This needs your password.").waitFor();
  await me.press("Save");
  await me.fill("Password", secret);
  await me.press("Go on");
  await me.page.getByText("We have sent a mail to karl@new.example").waitFor();
});

test("two tabs are one visit: logging in and out", async () => {
  await register(server.url, "lena");
  const other = await me.context.newPage();
  await other.goto(`${server.app}/account/sessions`);
  await other.getByRole("heading", { name: "Welcome back" }).waitFor();
  await me.login(server.app, "lena");
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

test("a slow answer keeps the button from being pressed twice", async () => {
  await register(server.url, "olga");
  await me.enter(server, "olga", "/account/profile");
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

test("a page that is slow says that it is coming", async () => {
  await register(server.url, "pia");
  await me.enter(server, "pia", "/account/profile");
  await me.heading("Profile");
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await me.page.route(`${server.url}/auth/activity*`, async (route) => {
    await answered;
    await route.continue();
  });
  await me.page.getByRole("link", { name: "Activity" }).click();
  await me.page.getByRole("progressbar", { name: "Loading" }).waitFor();
  answer();
  await me.page.getByText("Logged in").first().waitFor();
  expect(await me.page.getByRole("progressbar").count()).toBe(0);
});
