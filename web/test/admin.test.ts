import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeBrowser, Person, register } from "./lib/browser";
import { startServer, type TestServer } from "./lib/server";

// Looking after accounts: who may, and what comes of it.
let server: TestServer;
let me: Person;
beforeAll(async () => {
  server = await startServer();
  for (const name of ["anna", "bert"]) await register(server.url, name);
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
  await me.login(server.app, "bert");
  expect(await me.page.getByRole("link", { name: "Administration" }).count()).toBe(0);
  await me.page.goto(`${server.app}/admin`);
  await me.page.getByText("You may not do this.").waitFor();
});

test("accounts are found, page by page", async () => {
  for (let i = 0; i < 28; i++) await register(server.url, `many${i}`);
  await me.login(server.app, "anna");
  await me.page.getByRole("link", { name: "Administration" }).click();
  await me.heading("Accounts");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(25);
  await me.press("Show more");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(30);
  await me.fill("Beginning of a name or an address", "BERT");
  await expect.poll(() => me.page.getByRole("listitem").count()).toBe(1);
});

test("an account is made, and its owner chooses the password", async () => {
  await me.login(server.app, "anna");
  await me.page.goto(`${server.app}/admin`);
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

test("what happened is told: to oneself, and to administrators", async () => {
  await me.login(server.app, "anna");
  await me.page.goto(`${server.app}/account/activity`);
  await me.page.getByText("Logged in", { exact: true }).first().waitFor();
  await me.page.goto(`${server.app}/admin/audit`);
  await me.heading("Audit trail");
  await me.page.getByLabel("Kind of event").selectOption("user_created");
  await me.page.getByRole("listitem").filter({ hasText: "Account opened" }).first().waitFor();
  await expect.poll(() => me.page.getByRole("listitem").filter({ hasText: "Logged in" }).count()).toBe(0);
  expect(me.page.url()).toContain("event=user_created");
});

test("role, disabling and deletion", async () => {
  await register(server.url, "carl");
  await me.login(server.app, "anna");
  await me.page.goto(`${server.app}/admin`);
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
