import { readFileSync } from "node:fs";
import { zNewPassword, zRegistration } from "@client/zod.gen";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { brokenRules, schemaResolver } from "./rules";

interface Rule {
  pattern?: string;
  "x-code"?: string;
}

const contract = parse(readFileSync(new URL("../../../api/openapi.yaml", import.meta.url), "utf8"));

test("every character rule of the contract has a code", () => {
  const contractRules: Rule[] = contract.components.schemas.NewPassword.allOf;
  const codes = contractRules.flatMap((rule) => (rule["x-code"] === undefined ? [] : [rule["x-code"]]));
  expect(codes.length).toBeGreaterThan(0);
  // For each rule, a value that breaks only this one.
  const breaking: Record<string, string> = {
    uppercase_missing: "tr4vel-light",
    lowercase_missing: "TR4VEL-LIGHT",
    digit_missing: "Travel-light",
    special_missing: "Tr4vellight",
  };
  for (const code of codes) expect(brokenRules(zNewPassword, breaking[code])).toEqual([code]);
});

test("each field gets the code of the first rule that it breaks", async () => {
  const resolve = schemaResolver(zRegistration);
  const result = await resolve({ username: "ab", email: "x", password: "" }, undefined, {
    fields: {},
    shouldUseNativeValidation: false,
  });
  expect(result.errors).toEqual({
    username: { type: "too_short" },
    email: { type: "too_short" },
    password: { type: "required" },
  });
});
