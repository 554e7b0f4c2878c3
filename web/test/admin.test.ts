import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeBrowser, register, Visitor } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// The pages for administrators.
let server: TestServer;
let me: Visitor;
beforeAll(async () => {
  server = await startServer();
  for (const name of ["anna", "bert"]) await register(server.url, name);
  for (let i = 0; i < 28; i++) await register(server.url, `many${i}`);
  server.sql("UPDATE users SET role = 'admin' WHERE username_key = 'anna'");
});
afterAll(async () => {
  await closeBrowser();
  await server.stop();
});
beforeEach(async () => {
  me = await Visitor.open();
});
afterEach(async () => me.close());

test("users without a role cannot open the admin pages", async () => {
  await me.loginByRequest(server, "bert");
  await me.heading("Hello, bert");
  expect(await me.page.getByRole("link", { name: "Administration" }).count()).toBe(0);
  await me.page.goto(`${server.app}/admin`);
  await me.page.getByText("You don’t have permission to do this.").waitFor();
  expect(await me.page.getByRole("button", { name: "Try again" }).count()).toBe(0);
});

test("the list of accounts: paging and search", async () => {
  await me.login(server.app, "anna");
  await me.page.getByRole("link", { name: "Administration" }).click();
  await me.heading("Accounts");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(25);
  await me.press("Show more");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(30);
  await me.fill("Search by username or email", "BERT");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(1);
  await me.fill("Search by username or email", "nobody at all");
  await me.page.getByText("No accounts found.").waitFor();
});

test("an invited user chooses a password", async () => {
  await me.loginByRequest(server, "anna", "/admin");
  await me.press("Invite user");
  await me.fill("Username", "dave");
  await me.fill("Email", "dave@example.com");
  await me.press("Send invitation");
  await me.heading("dave");
  await me.page.getByText("Invitation pending").waitFor();
  const owner = await Visitor.open();
  await owner.page.goto(await server.mailbox.link("dave@example.com", "/accept-invitation"));
  await owner.heading("Welcome to TechTreks");
  await owner.fill("New password", "Wand3r-along!");
  await owner.press("Activate account");
  await owner.heading("Your account is active");
  await owner.login(server.app, "dave", "Wand3r-along!");
  await owner.close();
});

test("users see their own activity, administrators the audit trail with filters", async () => {
  await me.loginByRequest(server, "bert", "/account/activity");
  await me.heading("Activity");
  await me.page.getByText("Logged in").first().waitFor();
  await me.press("Log out");
  await me.heading("Log in to TechTreks");

  await me.loginByRequest(server, "anna", "/admin");
  await me.page.getByRole("link", { name: "Audit trail" }).click();
  await me.heading("Audit trail");
  const rows = me.page.getByRole("main").getByRole("listitem");
  await expect.poll(() => rows.count()).toBe(50);
  await me.press("Show more");
  await expect.poll(() => rows.count()).toBeGreaterThan(50);
  const details = rows.locator("[lang=en]");
  const shown = async (): Promise<Set<string | undefined>> =>
    new Set((await details.allTextContents()).map((text) => text.split(" · ")[0]));
  expect((await shown()).size).toBeGreaterThan(1);
  await me.page.getByLabel("Event type").selectOption("Logged out");
  await expect.poll(shown).toEqual(new Set(["session_logout"]));
  expect(me.page.url()).toContain("?event=session_logout");
  await me.page.reload();
  await expect.poll(shown).toEqual(new Set(["session_logout"]));

  // An event without a client address does not show one.
  await me.page.getByLabel("Event type").selectOption("Server started");
  await expect.poll(shown).toEqual(new Set(["sys_startup"]));
  expect(await rows.first().textContent()).not.toContain("from");

  // The events of one account, opened from its page, together with the filter by type.
  await me.page.goto(`${server.app}/admin/users/2`);
  await me.page.getByRole("main").getByRole("link", { name: "Audit trail" }).click();
  await me.heading("Audit trail");
  const accounts = async (): Promise<Set<string | undefined>> =>
    new Set((await details.allTextContents()).map((text) => /\buser (\d+)/.exec(text)?.[1]));
  await expect.poll(accounts).toEqual(new Set(["2"]));
  await me.page.getByLabel("Event type").selectOption("Account disabled");
  await me.page.getByText("No events found.").waitFor();
  await me.page.goBack();
  await me.heading("bert");
});

test("an administrator ends one session of a user, then all", async () => {
  await register(server.url, "eva");
  const devices = [await Visitor.open(), await Visitor.open(), await Visitor.open()];
  for (const device of devices) await device.loginByRequest(server, "eva", "/account/profile");
  await me.loginByRequest(server, "anna", "/admin");
  await me.fill("Search by username or email", "eva");
  await me.page.getByRole("link", { name: /eva@example.com/ }).click();
  await me.heading("Sessions");
  const ends = me.page.getByRole("button", { name: /^Log out .+ on / });
  await expect.poll(() => ends.count()).toBe(3);
  await ends.first().click();
  await expect.poll(() => ends.count()).toBe(2);
  await me.press("Log out all devices");
  await me.page.getByText("Not logged in on any device.").waitFor();
  for (const device of devices) {
    await device.heading("Profile");
    await device.page.getByRole("link", { name: "Sessions" }).click();
    await device.page.getByText("Your session has ended").waitFor();
    await device.close();
  }
});

test("change a role, send a reset, disable, enable and delete an account", async () => {
  await register(server.url, "carl");
  await me.loginByRequest(server, "anna", "/admin");
  await me.fill("Search by username or email", "carl");
  await me.page.getByRole("link", { name: /carl@example.com/ }).click();
  await me.heading("carl");
  await me.page.getByLabel("Role").selectOption("moderator");
  await me.page.getByRole("definition").filter({ hasText: "Moderator" }).waitFor();
  await me.page.getByText("The role is now “Moderator”.").waitFor();
  await me.press("Send password reset");
  await me.page.getByText("Reset email sent to carl@example.com.").waitFor();
  await me.press("Disable account");
  await me.page.getByText("disabled", { exact: true }).waitFor();
  await me.press("Enable account");
  await me.page.getByRole("button", { name: "Disable account" }).waitFor();
  await me.press("Delete account");
  await me.press("Delete permanently");
  await me.heading("Accounts");
  await me.fill("Search by username or email", "carl");
  await me.page.getByText("No accounts found.").waitFor();
});
