import type { FieldError } from "@client/types.gen";
import type { LocalCode } from "../i18n/codes";

/** A field of a request and the rule it breaks. */
export type FieldFailure = Pick<FieldError, "field" | "code">;

/**
 * A failed request. It has the members of the contract's error bodies, so that
 * it can be used where the generated types expect one.
 */
export class Failure extends Error {
  readonly ok = false;
  /** HTTP status, 0 without a response. */
  readonly status: number;
  readonly code: string;
  readonly fields: FieldFailure[];
  /** Identifies the request in the server's log. */
  readonly request_id: string | undefined;
  /** When to retry, in milliseconds since 1970. */
  readonly retryAt: number | undefined;

  constructor(
    status: number,
    code: string,
    more: { fields?: FieldFailure[]; requestID?: string; retryAt?: number; cause?: unknown } = {},
  ) {
    super(`${status} ${code}`, { cause: more.cause });
    this.name = "Failure";
    this.status = status;
    this.code = code;
    this.fields = more.fields ?? [];
    this.request_id = more.requestID;
    this.retryAt = more.retryAt;
  }

  /** Whether the same request can succeed when it is sent again. */
  get retryable(): boolean {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/** Returns the failure for a response, or for a request without one. */
export function failureFrom(body: unknown, response: Response | undefined, now = Date.now()): Failure {
  if (response === undefined) return new Failure(0, "offline" satisfies LocalCode, { cause: body });
  const { code, fields, request_id: requestID } = (body ?? {}) as Partial<Record<string, unknown>>;
  return new Failure(response.status, typeof code === "string" ? code : ("unknown" satisfies LocalCode), {
    fields: Array.isArray(fields) ? (fields as FieldFailure[]) : [],
    requestID: typeof requestID === "string" ? requestID : undefined,
    retryAt: retryAt(response.headers.get("Retry-After"), now),
  });
}

/** Returns anything that was thrown as a failure. */
export function toFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(0, "unknown" satisfies LocalCode, { cause: error });
}

/** Parses Retry-After, which is a number of seconds or a date. */
function retryAt(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const time = /^\d+$/.test(header) ? now + Number(header) * 1000 : Date.parse(header);
  return Number.isNaN(time) ? undefined : time;
}
