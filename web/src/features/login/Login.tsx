import { login } from "@client/sdk.gen";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useLocation } from "react-router";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { useServerForm } from "../../forms/useServerForm";
import { accountDeletedKey } from "../../session/accountDeleted";
import { notifyTabs } from "../../session/tabs";
import { setUser } from "../../session/useUser";
import { registrationOpen } from "../../settings";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Notice } from "../../ui/Notice";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";
import { useMessages } from "./messages";

export function Login() {
  const t = useMessages();
  const queries = useQueryClient();
  const { search } = useLocation();
  const [deleted] = useState(() => sessionStorage.getItem(accountDeletedKey) !== null);
  useEffect(() => sessionStorage.removeItem(accountDeletedKey), []);
  const form = useServerForm({
    // Loaded on the first submit, so that the first page of the app loads quickly.
    schema: async () => (await import("@client/zod.gen")).zCredentials,
    defaults: { username: "", password: "" },
    send: async (body) => {
      const { data } = await login({ body, throwOnError: true });
      setUser(queries, data.user); // GuestsOnly then redirects to the page that was requested
      notifyTabs("logged-in");
    },
  });
  const { failure } = form;
  return (
    <>
      <PageTitle>{t.loginTitle}</PageTitle>
      <Card>
        {deleted && (
          <div className="mb-5">
            <Notice kind="good">{t.accountDeleted}</Notice>
          </div>
        )}
        <Form
          form={form}
          error={
            failure && (
              <ErrorNotice failure={failure}>
                {failure.code === "email_unverified" && (
                  <Link to="/resend" className="font-medium underline">
                    {t.resendConfirmation}
                  </Link>
                )}
              </ErrorNotice>
            )
          }
        >
          <Field form={form} name="username" label={t.nameOrEmail} autoComplete="username" autoFocus />
          <div className="flex flex-col gap-2">
            <Field form={form} name="password" type="password" label={t.password} autoComplete="current-password" />
            <Link to="/request-reset" className={`self-end text-sm ${linkStyle}`}>
              {t.forgot}
            </Link>
          </div>
          <Button type="submit" wide isPending={form.formState.isSubmitting}>
            {t.login}
          </Button>
        </Form>
      </Card>
      {registrationOpen && (
        <p className="mt-6 text-center text-muted">
          {t.noAccount}{" "}
          <Link to={`/register${search}`} className={linkStyle}>
            {t.register}
          </Link>
        </p>
      )}
    </>
  );
}
