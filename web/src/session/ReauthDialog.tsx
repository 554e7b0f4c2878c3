import { getCurrentUser, login, reauthenticate } from "@client/sdk.gen";
import type { User } from "@client/types.gen";
import { zCurrentPassword } from "@client/zod.gen";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../api/client";
import { toFailure } from "../api/failure";
import type { ReauthKind } from "../api/reauth";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { useServerForm } from "../forms/useServerForm";
import { useMessages } from "../i18n";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { notifyTabs } from "./tabs";
import { setUser } from "./useUser";

interface ReauthDialogProps {
  kind: ReauthKind;
  user: User;
  resolve: (succeeded: boolean) => void;
}

/** Asks for the password, and confirms it or logs in again with it. */
export function ReauthDialog({ kind, user, resolve }: ReauthDialogProps) {
  const t = useMessages();
  const queries = useQueryClient();
  const [loggedOut, setLoggedOut] = useState(kind === "login");
  const form = useServerForm({
    schema: zCurrentPassword,
    defaults: { password: "" },
    send: async ({ password }) => {
      if (loggedOut) await logInAgain(user, password);
      else await confirmOrLogIn(user, password, () => setLoggedOut(true));
      notifyTabs("logged-in");
      resolve(true);
    },
  });
  const cancel = (): void => {
    if (loggedOut) setUser(queries, null); // RequireAuth then leads to the login page, and back to this one
    resolve(false);
  };
  return (
    <Dialog
      title={loggedOut ? t.sessionEndedTitle : t.reauthTitle}
      text={loggedOut ? t.sessionEndedText(user.username) : t.reauthText}
      isOpen
      onClose={cancel}
    >
      <Form form={form}>
        <input type="text" name="username" autoComplete="username" value={user.username} readOnly hidden />
        <Field
          form={form}
          name="password"
          type="password"
          label={t.password}
          autoComplete="current-password"
          autoFocus
        />
        <div className="flex flex-wrap justify-end gap-3">
          <Button kind="secondary" onClick={cancel}>
            {loggedOut ? t.otherAccount : t.cancel}
          </Button>
          <Button type="submit" isPending={form.formState.isSubmitting}>
            {t.continue}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

// These calls must not open the dialog again, so they bypass the client's own fetch.
const direct = { fetch: send as typeof fetch, throwOnError: true } as const;

async function confirmOrLogIn(user: User, password: string, onSessionEnded: () => void): Promise<void> {
  try {
    await reauthenticate({ body: { password }, ...direct });
  } catch (error) {
    if (toFailure(error).code !== "login_required") throw error;
    onSessionEnded();
    await logInAgain(user, password);
  }
}

/**
 * Logs in with the username shown on this page, which may have been changed
 * elsewhere. If it belongs to another account by now, the start page opens,
 * because the content of this page is from the first account.
 */
async function logInAgain(user: User, password: string): Promise<void> {
  await login({ body: { username: user.username, password }, ...direct });
  const { data } = await getCurrentUser(direct);
  if (data.user?.id !== user.id) window.location.assign(import.meta.env.BASE_URL);
}
