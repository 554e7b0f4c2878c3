import { MailCheck } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { z } from "zod";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { useServerForm } from "../forms/useServerForm";
import { useMessages } from "../i18n";
import { Action } from "../ui/Action";
import { Card } from "../ui/Card";
import { Outcome } from "../ui/Outcome";
import { linkStyle } from "../ui/styles";
import { Title } from "../ui/Title";

interface AddressPageProps {
  schema: z.ZodType<{ email: string }>;
  title: string;
  text: string;
  action: string;
  sent: (email: string) => string;
  send: (body: { email: string }) => Promise<unknown>;
}

/** A page that asks for an address and mails something there, if it has an account. */
export function AddressPage({ schema, title, text, action, sent, send }: AddressPageProps) {
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
      <Title text={text}>{title}</Title>
      <Card>
        <Form form={form}>
          <Field form={form} name="email" type="email" label={t.email} autoComplete="email" autoFocus />
          <Action type="submit" wide isPending={form.formState.isSubmitting}>
            {action}
          </Action>
        </Form>
      </Card>
      <p className="mt-6 text-center">{toLogin}</p>
    </>
  );
}
