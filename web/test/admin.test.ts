import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeBrowser, Person, register } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// Looking after accounts: who may, and what comes of it.
let server: TestServer;
let me: Person;
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
  me = await Person.arrive();
});
afterEach(async () => me.leave());

test("people without the role see nothing of it", async () => {
  await me.enter(server, "bert");
  await me.heading("Hello, bert");
  expect(await me.page.getByRole("link", { name: "Administration" }).count()).toBe(0);
  await me.page.goto(`${server.app}/admin`);
  await me.page.getByText("You may not do this.").waitFor();
});

test("accounts are found, page by page", async () => {
  await me.login(server.app, "anna");
  await me.page.getByRole("link", { name: "Administration" }).click();
  await me.heading("Accounts");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(25);
  await me.press("Show more");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(30);
  await me.fill("Beginning of a name or an address", "BERT");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(1);
  await me.fill("Beginning of a name or an address", "nobody at all");
  await me.page.getByText("Nobody is called that.").waitFor();
});

test("an account is made, and its owner chooses the password", async () => {
  await me.enter(server, "anna", "/admin");
  await me.press("Add an account");
  await me.fill("User name", "dave");
  await me.fill("E-mail address", "dave@example.com");
  await me.press("Send the invitation");
  await me.heading("dave");
  await me.page.getByText("not chosen yet").waitFor();
  const owner = await Person.arrive();
  await owner.page.goto(await server.mailbox.link("dave@example.com", "/accept-invitation"));
  await owner.heading("Welcome to TechTreks");
  await owner.fill("New password", "Wand3r-along!");
  await owner.press("Open my account");
  await owner.heading("Your account is open");
  await owner.login(server.app, "dave", "Wand3r-along!");
  await owner.leave();
});

test("what happened is told: to oneself, and to administrators, who choose what they see", async () => {
  await me.enter(server, "bert", "/account/activity");
  await me.heading("Activity");
  await me.page.getByText("Logged in").first().waitFor();
  await me.press("Log out");
  await me.heading("Welcome back");

  await me.enter(server, "anna", "/admin");
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
  await me.page.getByLabel("Kind of event").selectOption("Logged out");
  await expect.poll(shown).toEqual(new Set(["session_logout"]));
  expect(me.page.url()).toContain("?event=session_logout");
  await me.page.reload();
  await expect.poll(shown).toEqual(new Set(["session_logout"]));

  // Of one account: from its page, and together with the kind of event.
  await me.page.goto(`${server.app}/admin/users/2`);
  await me.page.getByRole("main").getByRole("link", { name: "Audit trail" }).click();
  await me.heading("Audit trail");
  const accounts = async (): Promise<Set<string | undefined>> =>
    new Set((await details.allTextContents()).map((text) => /\buser (\d+)/.exec(text)?.[1]));
  await expect.poll(accounts).toEqual(new Set(["2"]));
  await me.page.getByLabel("Kind of event").selectOption("Account disabled");
  await me.page.getByText("Nothing of this kind has happened.").waitFor();
  await me.page.goBack();
  await me.heading("bert");
});

test("the sessions of somebody else are ended, one and all", async () => {
  await register(server.url, "eva");
  const devices = [await Person.arrive(), await Person.arrive(), await Person.arrive()];
  for (const device of devices) await device.enter(server, "eva", "/account/profile");
  await me.enter(server, "anna", "/admin");
  await me.fill("Beginning of a name or an address", "eva");
  await me.page.getByRole("link", { name: /eva@example.com/ }).click();
  await me.heading("Sessions");
  const ends = me.page.getByRole("button", { name: /^Log out .+ on / });
  await expect.poll(() => ends.count()).toBe(3);
  await ends.first().click();
  await expect.poll(() => ends.count()).toBe(2);
  await me.press("End all sessions");
  await me.page.getByText("Not logged in anywhere.").waitFor();
  for (const device of devices) {
    await device.heading("Profile");
    await device.page.getByRole("link", { name: "Sessions" }).click();
    await device.page.getByText("Your session has ended").waitFor();
    await device.leave();
  }
});

test("role, disabling and deletion", async () => {
  await register(server.url, "carl");
  await me.enter(server, "anna", "/admin");
  await me.fill("Beginning of a name or an address", "carl");
  await me.page.getByRole("link", { name: /carl@example.com/ }).click();
  await me.heading("carl");
  await me.page.getByLabel("Role").selectOption("moderator");
  await me.page.getByRole("definition").filter({ hasText: "Moderator" }).waitFor();
  await me.press("Disable");
  await me.page.getByText("disabled", { exact: true }).waitFor();
  await me.press("Enable");
  await me.page.getByRole("button", { name: "Disable" }).waitFor();
  await me.press("Delete the account");
  await me.press("Delete for good");
  await me.heading("Accounts");
  await me.fill("Beginning of a name or an address", "carl");
  await me.page.getByText("Nobody is called that.").waitFor();
});
