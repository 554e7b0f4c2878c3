import type { FieldError } from "@client/types.gen";

/** A field of a request and the rule it breaks. */
export type FieldFault = Pick<FieldError, "field" | "code">;

/** What went wrong when no answer of the contract came back. */
export type LocalCode = "offline" | "unknown";

/**
 * Every way in which a request can fail. It has the members of the contract's
 * error bodies, so that it can stand where the generated types promise one.
 */
export class Failure extends Error {
  readonly ok = false;
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  readonly code: string;
  readonly fields: FieldFault[];
  /** Finds the request in the server's log. */
  readonly request_id: string | undefined;
  /** When it may be worth trying again, in milliseconds since 1970. */
  readonly retryAt: number | undefined;

  constructor(
    status: number,
    code: string,
    more: { fields?: FieldFault[]; requestID?: string; retryAt?: number; cause?: unknown } = {},
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
  get passing(): boolean {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/** The failure that an answer, or the lack of one, stands for. */
export function failureFrom(body: unknown, response: Response | undefined, now = Date.now()): Failure {
  if (response === undefined) return new Failure(0, "offline", { cause: body });
  const { code, fields, request_id: requestID } = (body ?? {}) as Partial<Record<string, unknown>>;
  return new Failure(response.status, typeof code === "string" ? code : "unknown", {
    fields: Array.isArray(fields) ? (fields as FieldFault[]) : [],
    requestID: typeof requestID === "string" ? requestID : undefined,
    retryAt: retryAt(response.headers.get("Retry-After"), now),
  });
}

/** Anything that was thrown, as a failure. */
export function failureOf(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(0, "unknown", { cause: error });
}

/** Retry-After is a number of seconds or a date. */
function retryAt(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const time = /^\d+$/.test(header) ? now + Number(header) * 1000 : Date.parse(header);
  return Number.isNaN(time) ? undefined : time;
}
