import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { closeBrowser, Visitor } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// The settings of the server that change the app.
let server: TestServer;
let me: Visitor;
beforeEach(async () => {
  me = await Visitor.open();
});
afterEach(async () => {
  await me.close();
  await server.stop();
});
afterAll(closeBrowser);

test("REGISTRATION=verified and PASSWORD_POLICY=length", async () => {
  server = await startServer({ REGISTRATION: "verified", PASSWORD_POLICY: "length" });
  const long = "four words of a walk";
  const { page } = me;
  await page.goto(`${server.app}/register`);
  await page.getByText("At least 15 characters.").waitFor();
  await me.fill("Username", "vera");
  await me.fill("Email", "vera@example.com");
  // Password fields have the autofill names for password managers, and allow pasting.
  const password = page.getByLabel("Password", { exact: true });
  expect(await password.getAttribute("autocomplete")).toBe("new-password");
  await me.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate((text) => navigator.clipboard.writeText(text), long);
  await password.focus();
  await page.keyboard.press("Control+v");
  expect(await password.inputValue()).toBe(long);
  await me.press("Create account");
  await me.heading("Account created");

  const login = async (): Promise<void> => {
    await page.goto(`${server.app}/login`);
    await me.fill("Username or email", "vera");
    await me.fill("Password", long);
    expect(await page.getByLabel("Password", { exact: true }).getAttribute("autocomplete")).toBe("current-password");
    await me.press("Log in");
  };
  await login();
  await page.getByText("Please confirm your email first.").waitFor();
  await page.getByRole("link", { name: "Resend confirmation email" }).click();
  await me.heading("Confirm your email");
  await page.goto(await server.mailbox.link("vera@example.com", "/verify"));
  await me.heading("Your email is confirmed");
  await login();
  await me.heading("Hello, vera");

  await page.goto(`${server.app}/account/email`);
  await me.fill("New email", "vera@new.example");
  await me.press("Change email");
  await page.getByText("We’ve sent an email to vera@new.example").waitFor();
  await page.getByText("vera@example.com").waitFor(); // unchanged until the new one is confirmed
  await page.goto(await server.mailbox.link("vera@new.example", "/confirm-email"));
  await me.heading("Your email has been changed");
  await page.getByRole("link", { name: "Continue" }).click();
  await page.getByText("vera@new.example").waitFor();
});

test("REGISTRATION=closed", async () => {
  server = await startServer({ REGISTRATION: "closed" });
  await me.page.goto(`${server.app}/login`);
  await me.heading("Log in to TechTreks");
  expect(await me.page.getByRole("link", { name: "Create account" }).count()).toBe(0);
  await me.page.goto(`${server.app}/register`);
  await me.fill("Username", "wilma");
  await me.fill("Email", "wilma@example.com");
  await me.fill("Password", "Tr4vel-lighter!");
  await me.press("Create account");
  await me.page.getByText("Sign-up is by invitation only.").waitFor();
});
