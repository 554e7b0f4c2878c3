/** What the server wants before it does what was asked of it. */
export type Wanted = "login" | "password";

interface Question {
  wanted: Wanted;
  answer: (given: boolean) => void;
}

let open: (Question & { given: Promise<boolean> }) | undefined;
const listeners = new Set<() => void>();
function changed(): void {
  for (const listener of listeners) listener();
}

/**
 * Asks the person at the screen, and says whether they gave what was wanted.
 * Requests that fail while a question is open wait for the same answer.
 */
export function ask(wanted: Wanted): Promise<boolean> {
  if (open !== undefined) return open.given;
  let answer: (given: boolean) => void = () => undefined;
  const given = new Promise<boolean>((resolve) => {
    answer = (value) => {
      open = undefined;
      resolve(value);
      changed();
    };
  });
  open = { wanted, answer, given };
  changed();
  return given;
}

/** The open question, for useSyncExternalStore. */
export const question = {
  get: (): Question | undefined => open,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
