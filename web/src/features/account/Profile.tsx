import { getCurrentUserQueryKey, getProfileQueryKey } from "@client/@tanstack/react-query.gen";
import { updateProfile } from "@client/sdk.gen";
import { zUsername } from "@client/zod.gen";
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

const schema = z.object({ username: zUsername });

export function Profile() {
  const t = useMessages();
  const queries = useQueryClient();
  const { user } = useUser();
  const [saved, setSaved] = useState(false);
  const form = useServerForm({
    schema,
    defaults: { username: user?.username ?? "" },
    send: async (body) => {
      setSaved(false);
      await updateProfile({ body, throwOnError: true });
      await Promise.all([
        queries.invalidateQueries({ queryKey: getCurrentUserQueryKey() }),
        queries.invalidateQueries({ queryKey: getProfileQueryKey() }),
      ]);
      setSaved(true);
    },
  });
  return (
    <>
      <PageTitle text={t.profileText}>{t.profile}</PageTitle>
      <Card>
        <Form form={form}>
          {saved && <Notice kind="good">{t.profileSaved}</Notice>}
          <Field form={form} name="username" label={t.username} autoComplete="username" />
          <div>
            <Button type="submit" isPending={form.formState.isSubmitting}>
              {t.saveProfile}
            </Button>
          </div>
        </Form>
      </Card>
    </>
  );
}
