import {
  deleteUser,
  disableUser,
  enableUser,
  markEmailVerified,
  sendPasswordReset,
  setUserRole,
} from "@client/sdk.gen";
import type { ManagedUser, Role } from "@client/types.gen";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { failureOf } from "../../api/failure";
import { useMessages } from "../../i18n";
import { useUser } from "../../session/useUser";
import { Action } from "../../ui/Action";
import { Ask } from "../../ui/Ask";
import { Card } from "../../ui/Card";
import { Failed } from "../../ui/Failed";
import { Notice } from "../../ui/Notice";
import { focusRing } from "../../ui/styles";

const roles: Role[] = ["user", "moderator", "admin"];

/** What can be done to an account. The server decides who may; what it refuses is told. */
export function UserActions({ user, changed }: { user: ManagedUser; changed: () => void }) {
  const t = useMessages();
  const navigate = useNavigate();
  const { user: me } = useUser();
  const [deleting, setDeleting] = useState(false);
  const path = { id: user.id };
  const act = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onSettled: () => {
      setDeleting(false);
      changed();
    },
  });
  const on = { path, throwOnError: true } as const;
  const disabled = user.state === "disabled";
  return (
    <Card title={t.actions}>
      <div className="flex flex-col gap-5">
        {act.error && <Failed failure={failureOf(act.error)} />}
        {act.isSuccess && <Notice kind="good">{t.done}</Notice>}
        {me?.role === "admin" && (
          <label className="flex max-w-xs flex-col gap-1.5 text-sm font-medium">
            {t.role}
            <select
              value={user.role}
              onChange={(event) => {
                const role = event.target.value as Role;
                act.mutate(() => setUserRole({ ...on, body: { role } }));
              }}
              className={`h-11 rounded-lg border border-field bg-card px-3 text-base font-normal ${focusRing}`}
            >
              {roles.map((role) => (
                <option key={role} value={role}>
                  {t.roles[role]}
                </option>
              ))}
            </select>
          </label>
        )}
        <div className="flex flex-wrap gap-3">
          <Action kind="secondary" onClick={() => act.mutate(() => (disabled ? enableUser(on) : disableUser(on)))}>
            {disabled ? t.enable : t.disable}
          </Action>
          {me?.role === "admin" && (
            <>
              <Action kind="secondary" onClick={() => act.mutate(() => sendPasswordReset(on))}>
                {t.sendReset}
              </Action>
              {!user.email_verified && (
                <Action kind="secondary" onClick={() => act.mutate(() => markEmailVerified(on))}>
                  {t.markVerified}
                </Action>
              )}
              <Action kind="danger" onClick={() => setDeleting(true)}>
                {t.deleteUser}
              </Action>
            </>
          )}
        </div>
      </div>
      <Ask
        title={t.deleteUser}
        text={t.deleteUserText(user.username)}
        isOpen={deleting}
        onClose={() => setDeleting(false)}
      >
        <div className="flex flex-wrap justify-end gap-3">
          <Action kind="secondary" onClick={() => setDeleting(false)}>
            {t.cancel}
          </Action>
          <Action
            kind="danger"
            isPending={act.isPending}
            onClick={() =>
              act.mutate(async () => {
                await deleteUser(on);
                await navigate("/admin");
              })
            }
          >
            {t.deleteConfirm}
          </Action>
        </div>
      </Ask>
    </Card>
  );
}
