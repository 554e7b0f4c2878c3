import { MailCheck } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { z } from "zod";
import { Field } from "../../forms/Field";
import { Form } from "../../forms/Form";
import { useServerForm } from "../../forms/useServerForm";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Outcome } from "../../ui/Outcome";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";
import { useMessages } from "./messages";

interface EmailFormProps {
  schema: z.ZodType<{ email: string }>;
  title: string;
  text: string;
  action: string;
  sent: (email: string) => string;
  send: (body: { email: string }) => Promise<unknown>;
}

/** A page with one email field. The server sends a mail to the address if it has an account. */
export function EmailForm({ schema, title, text, action, sent, send }: EmailFormProps) {
  const t = useMessages();
  const [sentTo, setSentTo] = useState<string>();
  const form = useServerForm({
    schema,
    defaults: { email: "" },
    send: async (body) => {
      await send(body);
      setSentTo(body.email);
    },
  });
  const loginLink = (
    <Link to="/login" className={linkStyle}>
      {t.login}
    </Link>
  );
  if (sentTo !== undefined) {
    return (
      <Outcome Icon={MailCheck} title={t.checkInbox} text={sent(sentTo)}>
        {loginLink}
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
      <p className="mt-6 text-center">{loginLink}</p>
    </>
  );
}
