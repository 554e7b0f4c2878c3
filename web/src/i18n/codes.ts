import type * as sdk from "@client/sdk.gen";
import type { FieldError } from "@client/types.gen";

/** The failures that the app itself finds: no response, or one that is not from the API. */
export type LocalCode = "offline" | "unknown";

/** The error bodies of an operation, from the result of its generated function. */
type ErrorOf<Operation> = Operation extends (...args: never[]) => infer Result
  ? Exclude<Extract<Awaited<Result>, { error: unknown }>["error"], undefined>
  : never;

/** The code of an error body. Responses of other kinds, such as plain text, have none. */
type CodeOf<Body> = Body extends { code: infer Code } ? Code : never;

/** Every error code of the contract, and the app's own. A code without a sentence does not compile. */
export type Code = CodeOf<ErrorOf<(typeof sdk)[keyof typeof sdk]>> | LocalCode;

/** Every rule that a field can break. */
export type FieldCode = FieldError["code"];
