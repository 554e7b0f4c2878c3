import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeBrowser, register, testPassword, Visitor } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// Failures: sessions that end, a network that fails, a slow or failing server.
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

test("a session that ends while a form is filled in: no input is lost", async () => {
  await register(server.url, "ida");
  await me.loginByRequest(server, "ida", "/account/profile");
  await me.fill("Username", "ida.b");
  server.sql("DELETE FROM sessions");
  await me.press("Save username");
  await me.page.getByText("Your session has ended").waitFor();
  await me.fill("Password", "wrong");
  await me.press("Continue");
  await me.page.getByText("Wrong username or password.").waitFor();
  await me.fill("Password", testPassword);
  await me.press("Continue");
  await me.page.getByText("Your username has been saved.").waitFor();
  expect(await me.page.getByLabel("Username").inputValue()).toBe("ida.b");
});

test("several requests without a session open one dialog; cancelling it leads to the login page", async () => {
  await register(server.url, "jan");
  await me.login(server.app, "jan");
  server.sql("DELETE FROM sessions");
  await me.page.getByRole("link", { name: "Account", exact: true }).click();
  await me.page.getByRole("link", { name: "Sessions" }).click();
  await me.page.getByRole("alertdialog").waitFor();
  expect(await me.page.getByRole("alertdialog").count()).toBe(1);
  await me.press("Use another account");
  await me.heading("Log in to TechTreks");
  expect(me.page.url()).toContain("next=%2Faccount%2Fsessions");
});

test("a change that needs a fresh login asks for the password, then succeeds", async () => {
  await register(server.url, "karl");
  await me.loginByRequest(server, "karl", "/account/email");
  server.sql("UPDATE sessions SET authenticated_at = authenticated_at - 660000000");
  await me.fill("New email", "karl@new.example");
  await me.press("Change email");
  await me.page.getByText("Confirm it’s you").waitFor();
  await me.press("Cancel");
  await me.page.getByText("Please confirm your password to do this.").waitFor();
  await me.press("Change email");
  await me.fill("Password", testPassword);
  await me.press("Continue");
  await me.page.getByText("We’ve sent an email to karl@new.example").waitFor();
});

test("deleting the account with an old login asks for the password first", async () => {
  await register(server.url, "kira");
  await me.loginByRequest(server, "kira", "/account/data");
  server.sql("UPDATE sessions SET authenticated_at = authenticated_at - 660000000");
  await me.press("Delete my account");
  await me.press("Delete permanently");
  await me.page.getByText("Confirm it’s you").waitFor();
  // The dialog behind it is inert, and Playwright finds its button too.
  await me.page.getByRole("alertdialog").last().getByRole("button", { name: "Cancel" }).click();
  await me.page.getByText("Please confirm your password to do this.").waitFor();
  await me.press("Delete permanently");
  await me.fill("Password", "wrong");
  await me.press("Continue");
  await me.page.getByText("Incorrect password.").waitFor();
  await me.fill("Password", testPassword);
  await me.press("Continue");
  await me.page.getByText("Your account has been deleted.").waitFor();
});

test("a login and a logout apply to all tabs", async () => {
  await register(server.url, "lena");
  const other = await me.context.newPage();
  await other.goto(`${server.app}/account/sessions`);
  await other.getByRole("heading", { name: "Log in to TechTreks" }).waitFor();
  await me.login(server.app, "lena");
  await other.getByRole("heading", { name: "Sessions" }).waitFor();
  await me.press("Log out");
  await other.getByRole("heading", { name: "Log in to TechTreks" }).waitFor();
});

test("a network failure is shown, and the same form works after it", async () => {
  await register(server.url, "mia");
  await me.page.goto(`${server.app}/login`);
  await me.fill("Username or email", "mia");
  await me.fill("Password", testPassword);
  await me.context.setOffline(true);
  await me.press("Log in");
  await me.page.getByText("The server can’t be reached.").waitFor();
  await me.context.setOffline(false);
  await me.press("Log in");
  await me.heading("Hello, mia");
  await me.context.setOffline(true);
  await me.page.getByText("You’re offline.").waitFor();
});

test("a server error is shown with its reference, and a retry succeeds", async () => {
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

test("a pending request ignores a second click on the button", async () => {
  await register(server.url, "olga");
  await me.loginByRequest(server, "olga", "/account/profile");
  let sent = 0;
  let respond: () => void = () => undefined;
  const responded = new Promise<void>((resolve) => {
    respond = resolve;
  });
  await me.page.route(`${server.url}/auth/update_profile`, async (route) => {
    sent++;
    await responded;
    await route.continue();
  });
  await me.fill("Username", "olga.c");
  await me.press("Save username");
  await me.page.locator("button[aria-busy=true]").waitFor();
  await me.page.locator("button[aria-busy=true]").click({ force: true });
  respond();
  await me.page.getByText("Your username has been saved.").waitFor();
  expect(sent).toBe(1);
});

test("a slow page shows a progress indicator", async () => {
  await register(server.url, "pia");
  await me.loginByRequest(server, "pia", "/account/profile");
  await me.heading("Profile");
  let respond: () => void = () => undefined;
  const responded = new Promise<void>((resolve) => {
    respond = resolve;
  });
  await me.page.route(`${server.url}/auth/activity*`, async (route) => {
    await responded;
    await route.continue();
  });
  await me.page.getByRole("link", { name: "Activity" }).click();
  await me.page.getByRole("progressbar", { name: "Loading" }).waitFor();
  respond();
  await me.page.getByText("Logged in").first().waitFor();
  expect(await me.page.getByRole("progressbar").count()).toBe(0);
});
