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
import { toFailure } from "../../api/failure";
import { useUser } from "../../session/useUser";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Dialog } from "../../ui/Dialog";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { Select } from "../../ui/Select";
import { useMessages } from "./messages";

const roles: Role[] = ["user", "moderator", "admin"];

interface Request {
  name: string;
  /** Shown when the request has succeeded. */
  done: string;
  send: () => Promise<unknown>;
}

/** The actions on an account. The server decides what the user may do, and its refusals are shown. */
export function UserActions({ user, changed }: { user: ManagedUser; changed: () => void }) {
  const t = useMessages();
  const navigate = useNavigate();
  const { user: me } = useUser();
  const [deleting, setDeleting] = useState(false);
  const path = { id: user.id };
  const act = useMutation({
    mutationFn: ({ send }: Request) => send(),
    onSettled: () => {
      setDeleting(false);
      changed();
    },
  });
  const target = { path, throwOnError: true } as const;
  // One at a time: the next action must see the account as this one leaves it.
  const start = (request: Request): void => {
    if (!act.isPending) act.mutate(request);
  };
  const pending = (name: string): boolean => act.isPending && act.variables.name === name;
  const disabled = user.state === "disabled";
  return (
    <Card title={t.actions}>
      <div className="flex flex-col gap-5">
        {act.error && <ErrorNotice failure={toFailure(act.error)} />}
        {act.isSuccess && <Notice kind="good">{act.variables.done}</Notice>}
        {me?.role === "admin" && (
          <Select
            label={t.role}
            options={roles.map((role) => [role, t.roles[role]] as const)}
            value={user.role}
            onChange={(role) =>
              start({
                name: "role",
                done: t.roleChanged(t.roles[role]),
                send: () => setUserRole({ ...target, body: { role } }),
              })
            }
          />
        )}
        <div className="flex flex-wrap gap-3">
          <Button
            kind="secondary"
            isPending={pending("state")}
            onClick={() =>
              start({
                name: "state",
                done: disabled ? t.enabledDone : t.disabledDone,
                send: () => (disabled ? enableUser(target) : disableUser(target)),
              })
            }
          >
            {disabled ? t.enable : t.disable}
          </Button>
          {me?.role === "admin" && (
            <>
              <Button
                kind="secondary"
                isPending={pending("link")}
                onClick={() =>
                  start({
                    name: "link",
                    done: user.has_password ? t.resetSent(user.email) : t.invitationSent(user.email),
                    send: () => sendPasswordReset(target),
                  })
                }
              >
                {user.has_password ? t.sendReset : t.resendInvitation}
              </Button>
              {!user.email_verified && (
                <Button
                  kind="secondary"
                  isPending={pending("email")}
                  onClick={() =>
                    start({ name: "email", done: t.markedConfirmed, send: () => markEmailVerified(target) })
                  }
                >
                  {t.markConfirmed}
                </Button>
              )}
              <Button kind="danger" onClick={() => setDeleting(true)}>
                {t.deleteUser}
              </Button>
            </>
          )}
        </div>
      </div>
      <Dialog
        title={t.deleteUser}
        text={t.deleteUserText(user.username)}
        isOpen={deleting}
        onClose={() => setDeleting(false)}
      >
        <div className="flex flex-wrap justify-end gap-3">
          <Button kind="secondary" onClick={() => setDeleting(false)}>
            {t.cancel}
          </Button>
          <Button
            kind="danger"
            isPending={pending("delete")}
            onClick={() =>
              start({
                name: "delete",
                done: "", // the page is left
                send: async () => {
                  await deleteUser(target);
                  await navigate("/admin");
                },
              })
            }
          >
            {t.deleteConfirm}
          </Button>
        </div>
      </Dialog>
    </Card>
  );
}
