// Compiled, never run: checks that the errors of an operation are a closed union.
// scripts/test-client.sh removes and adds codes in a copy of the contract, and checks
// that this file then no longer compiles.
import { type LoginError, type RegisterError, register } from "../../gen/ts/index.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>(): void => undefined;

// Handles every code that a failed registration can return, and no other.
export function explain(error: RegisterError): string {
  switch (error.code) {
    case "missing_fields":
    case "invalid_fields":
      return error.fields?.map((f) => `${f.field}: ${f.code}`).join(", ") ?? error.error;
    case "malformed_body":
    case "body_too_large":
    case "unsupported_media_type":
      return "a fault in the program";
    case "cross_origin_refused":
    case "registration_closed":
      return "not allowed";
    case "username_taken":
    case "email_taken":
      return "taken";
    case "busy":
    case "rate_limited":
    case "unavailable":
    case "internal_error":
      return "try again";
    default:
      return impossible(error);
  }
}

function impossible(never: never): never {
  throw new Error(`not in the contract: ${JSON.stringify(never)}`);
}

// The code narrows the type of the error.
export function conflict(error: RegisterError): "username" | "email" | undefined {
  if (error.code === "username_taken" || error.code === "email_taken") {
    holds<Equal<typeof error.ok, false>>();
    return error.code === "email_taken" ? "email" : "username";
  }
  return undefined;
}

// A call returns data or error, never both.
export async function call(): Promise<void> {
  const answer = await register({ body: { username: "alice", email: "alice@example.com", password: "Tr4vel-light" } });
  if (answer.data) {
    holds<Equal<typeof answer.error, undefined>>();
    holds<Equal<typeof answer.data.msg, string>>();
  } else if (answer.error) {
    holds<Equal<typeof answer.error, RegisterError>>();
  }
  // @ts-expect-error the password is missing
  await register({ body: { username: "alice", email: "alice@example.com" } });
  // @ts-expect-error role is not in the contract
  await register({ body: { username: "alice", email: "alice@example.com", password: "x", role: "admin" } });
}

// The type is not any: a comparison with a code that cannot occur does not compile.
export function typo(error: LoginError): boolean {
  // @ts-expect-error a code of another operation
  return error.code === "username_taken";
}
