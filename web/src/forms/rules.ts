import type { FieldValues, Resolver } from "react-hook-form";
import type { z } from "zod";

/** The contract's code for each pattern that requires a character in passwords. */
const characterCodes: Record<string, string> = {
  "/[A-Z]/": "uppercase_missing",
  "/[a-z]/": "lowercase_missing",
  "/[0-9]/": "digit_missing",
  "/[^A-Za-z0-9]/": "special_missing",
};

/** Returns the code that the server would send for an issue of zod. */
export function codeOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === "" || value === undefined) return "required";
  switch (issue.code) {
    case "too_small":
      return "too_short";
    case "too_big":
      return "too_long";
    case "invalid_format":
      return characterCodes[(issue as { pattern?: string }).pattern ?? ""] ?? "pattern";
    default:
      return "invalid";
  }
}

/** Returns the codes of all rules that a value breaks. */
export function brokenRules(schema: z.ZodType, value: unknown): string[] {
  const result = schema.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => codeOf(issue, value));
}

/** The schema of a form, or a function that loads it on the first submit. */
export type Schema<T> = z.ZodType<T> | (() => Promise<z.ZodType<T>>);

/** Checks a form by the server's own rules, before a request is made. The type of an error is the code of its rule. */
export function schemaResolver<T extends FieldValues>(schema: Schema<T>): Resolver<T> {
  return async (values) => {
    const loaded = typeof schema === "function" ? await schema().catch(() => undefined) : schema;
    const result = loaded?.safeParse(values) ?? { success: true, data: values }; // not loaded: the server checks
    if (result.success) return { values: result.data, errors: {} };
    const errors: Record<string, { type: string }> = {};
    for (const issue of result.error.issues) {
      const name = String(issue.path[0] ?? "root");
      errors[name] ??= { type: codeOf(issue, values[name]) };
    }
    return { values: {}, errors } as ReturnType<Resolver<T>>;
  };
}
