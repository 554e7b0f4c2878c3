import { getProfileOptions, getProfileQueryKey } from "@client/@tanstack/react-query.gen";
import { changePassword } from "@client/sdk.gen";
import { zPasswordAsSet } from "@client/zod.gen";
import { useQuery, useQueryClient } from "@tanstack/react-query";
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
import { LoadError } from "../../ui/LoadError";
import { Loading } from "../../ui/Loading";
import { Notice } from "../../ui/Notice";
import { PageTitle } from "../../ui/PageTitle";
import { useMessages } from "./messages";

const changeSchema = z.object({ current_password: zPasswordAsSet, new_password: zPassword });
/** For an account without a password. The server treats an empty current password as missing. */
const firstSchema = z.object({ current_password: z.literal(""), new_password: zPassword });

export function ChangePassword() {
  const t = useMessages();
  const { data, error, refetch } = useQuery(getProfileOptions());
  if (error) return <LoadError error={error} retry={refetch} />;
  if (!data) return <Loading />;
  return (
    <>
      <PageTitle text={data.has_password ? t.passwordText : t.noPasswordText}>{t.password}</PageTitle>
      <Card>
        <PasswordForm hasPassword={data.has_password} />
      </Card>
    </>
  );
}

/** Changes the password. Without one, the client asks for a new login first if the login is too old. */
function PasswordForm({ hasPassword }: { hasPassword: boolean }) {
  const t = useMessages();
  const queries = useQueryClient();
  const { user } = useUser();
  const [done, setDone] = useState<"changed" | "set">();
  const form = useServerForm<z.infer<typeof changeSchema>>({
    schema: hasPassword ? changeSchema : firstSchema,
    defaults: { current_password: "", new_password: "" },
    send: async (body) => {
      setDone(undefined);
      try {
        await changePassword({ body, throwOnError: true });
      } finally {
        // The account may have a password now, also one that was set elsewhere.
        if (!hasPassword) await queries.invalidateQueries({ queryKey: getProfileQueryKey() });
      }
      setDone(hasPassword ? "changed" : "set");
      form.reset();
    },
  });
  return (
    <Form form={form}>
      {done && <Notice kind="good">{done === "set" ? t.passwordSet : t.passwordChanged}</Notice>}
      {/* Password managers store the password with this username. */}
      <input type="text" name="username" autoComplete="username" value={user?.username ?? ""} readOnly hidden />
      {hasPassword && (
        <Field
          form={form}
          name="current_password"
          type="password"
          label={t.currentPassword}
          autoComplete="current-password"
        />
      )}
      <NewPasswordField
        form={form}
        name="new_password"
        label={t.newPassword}
        userInputs={[user?.username ?? "", user?.email ?? ""]}
      />
      <div>
        <Button type="submit" isPending={form.formState.isSubmitting}>
          {hasPassword ? t.changePassword : t.setPassword}
        </Button>
      </div>
    </Form>
  );
}
