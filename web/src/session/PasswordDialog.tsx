import { getCurrentUser, login, reauthenticate } from "@client/sdk.gen";
import type { User } from "@client/types.gen";
import { zCurrentPassword } from "@client/zod.gen";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../api/client";
import { failureOf } from "../api/failure";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { useServerForm } from "../forms/useServerForm";
import { useMessages } from "../i18n";
import { Action } from "../ui/Action";
import { Ask } from "../ui/Ask";
import type { Wanted } from "./ask";
import { tellTabs } from "./tabs";
import { setUser } from "./useUser";

interface DialogProps {
  wanted: Wanted;
  user: User;
  answer: (given: boolean) => void;
}

/** Asks somebody for their password, and gives it to the server. */
export function PasswordDialog({ wanted, user, answer }: DialogProps) {
  const t = useMessages();
  const queries = useQueryClient();
  const [login, setLogin] = useState(wanted === "login");
  const form = useServerForm({
    schema: zCurrentPassword,
    defaults: { password: "" },
    send: async ({ password }) => {
      if (login) await logInAgain(user, password);
      else await confirmOrLogIn(user, password, () => setLogin(true));
      tellTabs("logged-in");
      answer(true);
    },
  });
  const cancel = (): void => {
    if (login) setUser(queries, null); // which leads to the login page, and back
    answer(false);
  };
  return (
    <Ask
      title={login ? t.askLogin : t.askPassword}
      text={login ? t.askLoginText(user.username) : t.askPasswordText}
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
          <Action kind="secondary" onClick={cancel}>
            {login ? t.otherAccount : t.cancel}
          </Action>
          <Action type="submit" isPending={form.formState.isSubmitting}>
            {t.goOn}
          </Action>
        </div>
      </Form>
    </Ask>
  );
}

// These calls must not ask again, so they go past the client's own fetch.
const plain = { fetch: send as typeof fetch, throwOnError: true } as const;

async function confirmOrLogIn(user: User, password: string, sessionEnded: () => void): Promise<void> {
  try {
    await reauthenticate({ body: { password }, ...plain });
  } catch (error) {
    if (failureOf(error).code !== "login_required") throw error;
    sessionEnded();
    await logInAgain(user, password);
  }
}

/** Logs the same person in. Their name may have changed elsewhere, their address as well; the session says who it is. */
async function logInAgain(user: User, password: string): Promise<void> {
  await login({ body: { username: user.username, password }, ...plain });
  const { data } = await getCurrentUser(plain);
  // Somebody else may have the name by now. Then this page is not theirs.
  if (data.user?.id !== user.id) window.location.assign(import.meta.env.BASE_URL);
}
