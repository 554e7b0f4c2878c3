import { getCurrentUserQueryKey, getProfileQueryKey } from "@client/@tanstack/react-query.gen";
import { updateProfile } from "@client/sdk.gen";
import { zEmail } from "@client/zod.gen";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { z } from "zod";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { useServerForm } from "../../forms/useServerForm";
import { useUser } from "../../session/useUser";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Notice } from "../../ui/Notice";
import { PageTitle } from "../../ui/PageTitle";
import { useMessages } from "./messages";

const schema = z.object({ email: zEmail });

export function ChangeEmail() {
  const t = useMessages();
  const queries = useQueryClient();
  const { user } = useUser();
  const [requested, setRequested] = useState<string>();
  const form = useServerForm({
    schema,
    defaults: { email: "" },
    send: async (body) => {
      setRequested(undefined);
      await updateProfile({ body, throwOnError: true });
      await Promise.all([
        queries.invalidateQueries({ queryKey: getCurrentUserQueryKey() }),
        queries.invalidateQueries({ queryKey: getProfileQueryKey() }),
      ]);
      setRequested(body.email);
      form.reset();
    },
  });
  return (
    <>
      <PageTitle text={t.emailText}>{t.email}</PageTitle>
      <Card>
        <Form form={form}>
          {requested !== undefined && <Notice kind="good">{t.confirmationSent(requested)}</Notice>}
          <dl>
            <dt className="text-sm text-muted">{t.currentEmail}</dt>
            <dd className="font-medium break-words">
              {user?.email}{" "}
              <span className={user?.email_verified ? "text-good" : "text-warn"}>
                ({user?.email_verified ? t.confirmed : t.unconfirmed})
              </span>
            </dd>
          </dl>
          <Field form={form} name="email" type="email" label={t.newEmail} autoComplete="email" />
          <div>
            <Button type="submit" isPending={form.formState.isSubmitting}>
              {t.changeEmail}
            </Button>
          </div>
        </Form>
      </Card>
    </>
  );
}
