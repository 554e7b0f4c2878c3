import { createUser } from "@client/sdk.gen";
import { zEmail, zUsername } from "@client/zod.gen";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { z } from "zod";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { useServerForm } from "../../forms/useServerForm";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { useMessages } from "./messages";
import { usersKey } from "./queryKeys";

const schema = z.object({ username: zUsername, email: zEmail });

/** Creates an account. Its owner chooses the password through a mailed link. */
export function Invite({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const t = useMessages();
  return (
    <Dialog title={t.inviteUser} text={t.inviteText} isOpen={isOpen} onClose={close}>
      <InviteForm close={close} />
    </Dialog>
  );
}

function InviteForm({ close }: { close: () => void }) {
  const t = useMessages();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const form = useServerForm({
    schema,
    defaults: { username: "", email: "" },
    send: async (body) => {
      const { data } = await createUser({ body, throwOnError: true });
      void queries.invalidateQueries({ queryKey: usersKey });
      close();
      await navigate(`/admin/users/${data.user.id}`);
    },
  });
  return (
    <Form form={form}>
      <Field form={form} name="username" label={t.username} autoComplete="off" autoFocus />
      <Field form={form} name="email" type="email" label={t.email} autoComplete="off" />
      <div className="flex flex-wrap justify-end gap-3">
        <Button kind="secondary" onClick={close}>
          {t.cancel}
        </Button>
        <Button type="submit" isPending={form.formState.isSubmitting}>
          {t.sendInvitation}
        </Button>
      </div>
    </Form>
  );
}
