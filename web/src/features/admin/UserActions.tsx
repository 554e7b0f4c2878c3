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
import { useMessages } from "../../i18n";
import { useUser } from "../../session/useUser";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Dialog } from "../../ui/Dialog";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { Select } from "../../ui/Select";

const roles: Role[] = ["user", "moderator", "admin"];

/** What can be done to an account. The server decides who may; what it refuses is told. */
export function UserActions({ user, changed }: { user: ManagedUser; changed: () => void }) {
  const t = useMessages();
  const navigate = useNavigate();
  const { user: me } = useUser();
  const [deleting, setDeleting] = useState(false);
  const path = { id: user.id };
  const act = useMutation({
    mutationFn: ({ work }: { name: string; work: () => Promise<unknown> }) => work(),
    onSettled: () => {
      setDeleting(false);
      changed();
    },
  });
  const on = { path, throwOnError: true } as const;
  // One at a time: the next is about the account as this one leaves it.
  const start = (name: string, work: () => Promise<unknown>): void => {
    if (!act.isPending) act.mutate({ name, work });
  };
  const pending = (name: string): boolean => act.isPending && act.variables.name === name;
  const disabled = user.state === "disabled";
  return (
    <Card title={t.actions}>
      <div className="flex flex-col gap-5">
        {act.error && <ErrorNotice failure={toFailure(act.error)} />}
        {act.isSuccess && <Notice kind="good">{t.done}</Notice>}
        {me?.role === "admin" && (
          <Select
            label={t.role}
            options={roles.map((role) => [role, t.roles[role]] as const)}
            value={user.role}
            onChange={(role) => start("role", () => setUserRole({ ...on, body: { role } }))}
          />
        )}
        <div className="flex flex-wrap gap-3">
          <Button
            kind="secondary"
            isPending={pending("state")}
            onClick={() => start("state", () => (disabled ? enableUser(on) : disableUser(on)))}
          >
            {disabled ? t.enable : t.disable}
          </Button>
          {me?.role === "admin" && (
            <>
              <Button
                kind="secondary"
                isPending={pending("link")}
                onClick={() => start("link", () => sendPasswordReset(on))}
              >
                {t.sendReset}
              </Button>
              {!user.email_verified && (
                <Button
                  kind="secondary"
                  isPending={pending("address")}
                  onClick={() => start("address", () => markEmailVerified(on))}
                >
                  {t.markVerified}
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
              start("delete", async () => {
                await deleteUser(on);
                await navigate("/admin");
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
