import { lazy, Suspense, useSyncExternalStore } from "react";
import { pendingReauth } from "../api/reauth";
import { useUser } from "./useUser";

// Loaded on demand: the dialog code is as large as the login page, which needs none.
const ReauthDialog = lazy(async () => ({ default: (await import("./ReauthDialog")).ReauthDialog }));

/** The dialog that opens over any page when the server requires a login or the password, see api/reauth.ts. */
export function ReauthPrompt() {
  const pending = useSyncExternalStore(pendingReauth.subscribe, pendingReauth.get);
  const { user } = useUser();
  if (pending === undefined || !user) return null;
  return (
    <Suspense>
      <ReauthDialog kind={pending.kind} user={user} resolve={pending.resolve} />
    </Suspense>
  );
}
