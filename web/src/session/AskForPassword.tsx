import { lazy, Suspense, useSyncExternalStore } from "react";
import { question } from "./ask";
import { useUser } from "./useUser";

// Dialogs weigh as much as the login page, which has none.
const PasswordDialog = lazy(async () => ({ default: (await import("./PasswordDialog")).PasswordDialog }));

/** The dialog that opens over any page when the server wants the password again, see ask.ts. */
export function AskForPassword() {
  const open = useSyncExternalStore(question.subscribe, question.get);
  const { user } = useUser();
  if (open === undefined || !user) return null;
  return (
    <Suspense>
      <PasswordDialog wanted={open.wanted} user={user} answer={open.answer} />
    </Suspense>
  );
}
