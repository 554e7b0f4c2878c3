import { changePassword } from "@client/sdk.gen";
import { zPasswordAsSet } from "@client/zod.gen";
import { useState } from "react";
import { z } from "zod";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { NewPasswordField } from "../../forms/NewPasswordField";
import { useServerForm } from "../../forms/useServerForm";
import { zPassword } from "../../forms/zPassword";
import { useUser } from "../../session/useUser";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Notice } from "../../ui/Notice";
import { PageTitle } from "../../ui/PageTitle";
import { useMessages } from "./messages";

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
      <PageTitle text={t.passwordText}>{t.password}</PageTitle>
      <Card>
        <Form form={form}>
          {changed && <Notice kind="good">{t.passwordChanged}</Notice>}
          {/* Password managers store the password with this username. */}
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
            userInputs={[user?.username ?? "", user?.email ?? ""]}
          />
          <div>
            <Button type="submit" isPending={form.formState.isSubmitting}>
              {t.changePassword}
            </Button>
          </div>
        </Form>
      </Card>
    </>
  );
}
