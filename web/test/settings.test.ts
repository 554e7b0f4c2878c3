import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { closeBrowser, Person } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// What the app learns from the settings of its server.
let server: TestServer;
let me: Person;
beforeEach(async () => {
  me = await Person.arrive();
});
afterEach(async () => {
  await me.leave();
  await server.stop();
});
afterAll(closeBrowser);

test("addresses must be confirmed, and passwords be long", async () => {
  server = await startServer({ REGISTRATION: "verified", PASSWORD_POLICY: "length" });
  const long = "four words of a walk";
  const { page } = me;
  await page.goto(`${server.app}/register`);
  await page.getByText("At least 15 characters.").waitFor();
  await me.fill("User name", "vera");
  await me.fill("E-mail address", "vera@example.com");
  // Fields for passwords say so to password managers, and let them, or anybody, paste.
  const password = page.getByLabel("Password", { exact: true });
  expect(await password.getAttribute("autocomplete")).toBe("new-password");
  await me.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate((text) => navigator.clipboard.writeText(text), long);
  await password.focus();
  await page.keyboard.press("Control+v");
  expect(await password.inputValue()).toBe(long);
  await me.press("Create account");
  await me.heading("Your account is ready");

  const login = async (): Promise<void> => {
    await page.goto(`${server.app}/login`);
    await me.fill("User name or e-mail address", "vera");
    await me.fill("Password", long);
    expect(await page.getByLabel("Password", { exact: true }).getAttribute("autocomplete")).toBe("current-password");
    await me.press("Log in");
  };
  await login();
  await page.getByText("Confirm your e-mail address first").waitFor();
  await page.getByRole("link", { name: "Send the confirmation mail again" }).click();
  await me.heading("Confirm your address");
  await page.goto(await server.mailbox.link("vera@example.com", "/verify"));
  await me.heading("Your address is confirmed");
  await login();
  await me.heading("Hello, vera");

  await page.goto(`${server.app}/account/email`);
  await me.fill("New e-mail address", "vera@new.example");
  await me.press("Save");
  await page.getByText("We have sent a mail to vera@new.example").waitFor();
  await page.getByText("vera@example.com").waitFor(); // until the new one is confirmed
  await page.goto(await server.mailbox.link("vera@new.example", "/confirm-email"));
  await me.heading("Your account has a new address");
  await page.getByRole("link", { name: "Go on" }).click();
  await page.getByText("vera@new.example").waitFor();
});

test("nobody registers where administrators make the accounts", async () => {
  server = await startServer({ REGISTRATION: "closed" });
  await me.page.goto(`${server.app}/login`);
  await me.heading("Welcome back");
  expect(await me.page.getByRole("link", { name: "Create account" }).count()).toBe(0);
  await me.page.goto(`${server.app}/register`);
  await me.fill("User name", "wilma");
  await me.fill("E-mail address", "wilma@example.com");
  await me.fill("Password", "Tr4vel-lighter!");
  await me.press("Create account");
  await me.page.getByText("Accounts are made by administrators here.").waitFor();
});
