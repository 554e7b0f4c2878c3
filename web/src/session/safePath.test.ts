import { expect, test } from "vitest";
import { safePath } from "./safePath";

test.each(["/", "/account/sessions", "/admin/users?search=a%2Fb", "/a//b"])("safePath accepts %s", (path) => {
  expect(safePath(path)).toBe(path);
});

test.each([
  null,
  "",
  "account",
  "//evil.example",
  "/\\evil.example",
  "\\\\evil.example",
  "https://evil.example",
  "javascript:alert(1)",
  "/\t/evil.example",
  "/a\\..\\b",
])("safePath rejects %s", (path) => {
  expect(safePath(path)).toBe("/");
});
