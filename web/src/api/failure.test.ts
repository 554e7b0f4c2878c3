import { expect, test } from "vitest";
import { failureFrom } from "./failure";

const response = (status: number, headers: Record<string, string> = {}): Response =>
  new Response(null, { status, headers });

test("a response of the API", () => {
  const body = { ok: false, error: "x", code: "invalid_fields", request_id: "ID", fields: [{ field: "a", code: "b" }] };
  const failure = failureFrom(body, response(400));
  expect(failure).toMatchObject({ status: 400, code: "invalid_fields", request_id: "ID", fields: body.fields });
  expect(failure.retryable).toBe(false);
});

test("a request without a response is retryable", () => {
  expect(failureFrom(new TypeError("Failed to fetch"), undefined)).toMatchObject({ status: 0, code: "offline" });
  expect(failureFrom(undefined, undefined).retryable).toBe(true);
});

test.each(["<html>bad gateway</html>", "", null, 7, { code: 7 }])("a response that is not from the API: %j", (body) => {
  expect(failureFrom(body, response(502))).toMatchObject({ code: "unknown", fields: [], retryable: true });
});

test("Retry-After in seconds, as a date, and invalid", () => {
  const at = (value: string): number | undefined =>
    failureFrom({}, response(429, { "Retry-After": value }), 1000).retryAt;
  expect(at("30")).toBe(31_000);
  expect(at("Thu, 01 Jan 1970 00:01:00 GMT")).toBe(60_000);
  expect(at("soon")).toBeUndefined();
});
