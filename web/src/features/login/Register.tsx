import { register } from "@client/sdk.gen";
import { zEmail, zUsername } from "@client/zod.gen";
import { MailCheck } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "react-router";
import { z } from "zod";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { NewPasswordField } from "../../forms/NewPasswordField";
import { useServerForm } from "../../forms/useServerForm";
import { zPassword } from "../../forms/zPassword";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Outcome } from "../../ui/Outcome";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";
import { useMessages } from "./messages";

const schema = z.object({ username: zUsername, email: zEmail, password: zPassword });

export function Register() {
  const t = useMessages();
  const { search } = useLocation();
  const [registered, setRegistered] = useState<string>();
  const form = useServerForm({
    schema,
    defaults: { username: "", email: "", password: "" },
    send: async (body) => {
      await register({ body, throwOnError: true });
      setRegistered(body.email);
    },
  });
  if (registered !== undefined) {
    return (
      <Outcome Icon={MailCheck} title={t.registered} text={t.registeredText(registered)}>
        <Link to={`/login${search}`} className={linkStyle}>
          {t.login}
        </Link>
      </Outcome>
    );
  }
  const [username, email] = form.watch(["username", "email"]);
  return (
    <>
      <PageTitle text={t.registerText}>{t.registerTitle}</PageTitle>
      <Card>
        <Form form={form}>
          <Field form={form} name="username" label={t.username} autoComplete="username" autoFocus />
          <Field form={form} name="email" type="email" label={t.email} autoComplete="email" />
          <NewPasswordField form={form} name="password" label={t.password} userInputs={[username, email]} />
          <Button type="submit" wide isPending={form.formState.isSubmitting}>
            {t.register}
          </Button>
        </Form>
      </Card>
      <p className="mt-6 text-center text-muted">
        {t.haveAccount}{" "}
        <Link to={`/login${search}`} className={linkStyle}>
          {t.login}
        </Link>
      </p>
    </>
  );
}
