import { resetPassword } from "@client/sdk.gen";
import { useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Unlink } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { z } from "zod";
import { Form } from "../../forms/Form";
import { NewPasswordField } from "../../forms/NewPasswordField";
import { useServerForm } from "../../forms/useServerForm";
import { zPassword } from "../../forms/zPassword";
import { errorMessage } from "../../i18n";
import { notifyTabs } from "../../session/tabs";
import { setUser } from "../../session/useUser";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Outcome } from "../../ui/Outcome";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";
import { useMessages } from "./messages";
import { useLinkToken } from "./useLinkToken";

const schema = z.object({ password: zPassword });

/** Sets a new password with the token from a mailed link. */
export function ResetPassword() {
  const t = useMessages();
  return <TokenPasswordPage title={t.resetNewTitle} text={t.resetNewText} action={t.resetNew} done={t.resetDone} />;
}

/** Sets the first password of an account that an administrator created. */
export function AcceptInvitation() {
  const t = useMessages();
  return <TokenPasswordPage title={t.inviteTitle} text={t.inviteText} action={t.invite} done={t.inviteDone} />;
}

interface TokenPasswordPageProps {
  title: string;
  text: string;
  action: string;
  done: string;
}

function TokenPasswordPage({ title, text, action, done: doneTitle }: TokenPasswordPageProps) {
  const t = useMessages();
  const queries = useQueryClient();
  const { token, forget } = useLinkToken();
  const [done, setDone] = useState(false);
  const form = useServerForm({
    schema,
    defaults: { password: "" },
    send: async ({ password }) => {
      await resetPassword({ body: { token: token ?? "", password }, throwOnError: true });
      setDone(true);
      forget();
      setUser(queries, null); // the server has ended all sessions, including one of this browser
      notifyTabs("logged-out");
    },
  });
  if (done) {
    return (
      <Outcome Icon={CircleCheck} title={doneTitle} text={t.passwordDoneText}>
        <Link to="/login" className={linkStyle}>
          {t.login}
        </Link>
      </Outcome>
    );
  }
  const refused = form.failure?.code === "invalid_token";
  if (token === undefined || refused) {
    return (
      <Outcome
        Icon={Unlink}
        bad
        title={t.linkFailed}
        text={refused ? errorMessage(t, "invalid_token") : t.linkIncomplete}
      >
        <Link to="/request-reset" className={linkStyle}>
          {t.resetSend}
        </Link>
      </Outcome>
    );
  }
  return (
    <>
      <PageTitle text={text}>{title}</PageTitle>
      <Card>
        <Form form={form}>
          <NewPasswordField form={form} name="password" label={t.newPassword} userInputs={[]} />
          <Button type="submit" wide isPending={form.formState.isSubmitting}>
            {action}
          </Button>
        </Form>
      </Card>
    </>
  );
}
