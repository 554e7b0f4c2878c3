import type { FieldValues, Resolver } from "react-hook-form";
import type { z } from "zod";

/** The code of the contract for a character that a password must have, by the pattern that asks for it. */
const characters: Record<string, string> = {
  "/[A-Z]/": "uppercase_missing",
  "/[a-z]/": "lowercase_missing",
  "/[0-9]/": "digit_missing",
  "/[^A-Za-z0-9]/": "special_missing",
};

/** The code that the server would give for what zod found. */
export function ruleOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === "" || value === undefined) return "required";
  switch (issue.code) {
    case "too_small":
      return "too_short";
    case "too_big":
      return "too_long";
    case "invalid_format":
      return characters[(issue as { pattern?: string }).pattern ?? ""] ?? "pattern";
    default:
      return "invalid";
  }
}

/** Every rule that a value breaks, as codes of the contract. */
export function brokenRules(schema: z.ZodType, value: unknown): string[] {
  const result = schema.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => ruleOf(issue, value));
}

/** The rules for a form, or where to get them when they are needed first. */
export type Schema<T> = z.ZodType<T> | (() => Promise<z.ZodType<T>>);

/** The server's own rules, before a request is made. The type of an error is the code of its rule. */
export function rulesOf<T extends FieldValues>(schema: Schema<T>): Resolver<T> {
  return async (values) => {
    const loaded = typeof schema === "function" ? await schema().catch(() => undefined) : schema;
    const result = loaded?.safeParse(values) ?? { success: true, data: values }; // the server checks as well
    if (result.success) return { values: result.data, errors: {} };
    const errors: Record<string, { type: string }> = {};
    for (const issue of result.error.issues) {
      const name = String(issue.path[0] ?? "root");
      errors[name] ??= { type: ruleOf(issue, values[name]) };
    }
    return { values: {}, errors } as ReturnType<Resolver<T>>;
  };
}
