import { MailCheck } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { z } from "zod";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { useServerForm } from "../../forms/useServerForm";
import { useMessages } from "../../i18n";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Outcome } from "../../ui/Outcome";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";

interface EmailFormProps {
  schema: z.ZodType<{ email: string }>;
  title: string;
  text: string;
  action: string;
  sent: (email: string) => string;
  send: (body: { email: string }) => Promise<unknown>;
}

/** A page that asks for an address and mails something there, if it has an account. */
export function EmailForm({ schema, title, text, action, sent, send }: EmailFormProps) {
  const t = useMessages();
  const [address, setAddress] = useState<string>();
  const form = useServerForm({
    schema,
    defaults: { email: "" },
    send: async (body) => {
      await send(body);
      setAddress(body.email);
    },
  });
  const toLogin = (
    <Link to="/login" className={linkStyle}>
      {t.login}
    </Link>
  );
  if (address !== undefined) {
    return (
      <Outcome Icon={MailCheck} title={t.mailSent} text={sent(address)}>
        {toLogin}
      </Outcome>
    );
  }
  return (
    <>
      <PageTitle text={text}>{title}</PageTitle>
      <Card>
        <Form form={form}>
          <Field form={form} name="email" type="email" label={t.email} autoComplete="email" autoFocus />
          <Button type="submit" wide isPending={form.formState.isSubmitting}>
            {action}
          </Button>
        </Form>
      </Card>
      <p className="mt-6 text-center">{toLogin}</p>
    </>
  );
}
