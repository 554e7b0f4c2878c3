import { changePassword } from "@client/sdk.gen";
import { zPasswordAsSet } from "@client/zod.gen";
import { useState } from "react";
import { z } from "zod";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { NewPasswordField } from "../../forms/NewPasswordField";
import { useServerForm } from "../../forms/useServerForm";
import { zPassword } from "../../forms/zPassword";
import { useMessages } from "../../i18n";
import { useUser } from "../../session/useUser";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Notice } from "../../ui/Notice";
import { PageTitle } from "../../ui/PageTitle";

const schema = z.object({ current_password: zPasswordAsSet, new_password: zPassword });

export function ChangePassword() {
  const t = useMessages();
  const { user } = useUser();
  const [changed, setChanged] = useState(false);
  const form = useServerForm({
    schema,
    defaults: { current_password: "", new_password: "" },
    send: async (body) => {
      setChanged(false);
      await changePassword({ body, throwOnError: true });
      setChanged(true);
      form.reset();
    },
  });
  return (
    <>
      <PageTitle text={t.changePasswordText}>{t.changePassword}</PageTitle>
      <Card>
        <Form form={form}>
          {changed && <Notice kind="good">{t.passwordChanged}</Notice>}
          {/* Tells password managers whose password it is. */}
          <input type="text" name="username" autoComplete="username" value={user?.username ?? ""} readOnly hidden />
          <Field
            form={form}
            name="current_password"
            type="password"
            label={t.currentPassword}
            autoComplete="current-password"
          />
          <NewPasswordField
            form={form}
            name="new_password"
            label={t.newPassword}
            about={[user?.username ?? "", user?.email ?? ""]}
          />
          <div>
            <Button type="submit" isPending={form.formState.isSubmitting}>
              {t.changeThePassword}
            </Button>
          </div>
        </Form>
      </Card>
    </>
  );
}
