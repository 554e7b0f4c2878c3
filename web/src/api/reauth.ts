/** What the server requires before it carries out a request: a new login, or the password again. */
export type ReauthKind = "login" | "password";

interface Reauth {
  kind: ReauthKind;
  resolve: (succeeded: boolean) => void;
}

let pending: (Reauth & { result: Promise<boolean> }) | undefined;
const listeners = new Set<() => void>();
function notify(): void {
  for (const listener of listeners) listener();
}

/**
 * Opens the dialog for a login or a password, and reports whether the user
 * completed it. Requests that fail while it is open wait for the same result.
 */
export function requestReauth(kind: ReauthKind): Promise<boolean> {
  if (pending !== undefined) return pending.result;
  let resolve: (succeeded: boolean) => void = () => undefined;
  const result = new Promise<boolean>((settle) => {
    resolve = (succeeded) => {
      pending = undefined;
      settle(succeeded);
      notify();
    };
  });
  pending = { kind, resolve, result };
  notify();
  return result;
}

/** The pending request, for useSyncExternalStore. */
export const pendingReauth = {
  get: (): Reauth | undefined => pending,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
