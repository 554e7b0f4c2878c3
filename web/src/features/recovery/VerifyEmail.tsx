import { getCurrentUserQueryKey } from "@client/@tanstack/react-query.gen";
import { confirmEmail, verifyEmail } from "@client/sdk.gen";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Unlink } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "react-router";
import { type Failure, toFailure } from "../../api/failure";
import { errorMessage } from "../../i18n";
import { LoadError } from "../../ui/LoadError";
import { Loading } from "../../ui/Loading";
import { Outcome } from "../../ui/Outcome";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";
import { useMessages } from "./messages";
import { useLinkToken } from "./useLinkToken";

/** Confirms the email of a new account. */
export function VerifyEmail() {
  const t = useMessages();
  return (
    <TokenPage
      send={(token) => verifyEmail({ body: { token }, throwOnError: true })}
      done={t.verifyDone}
      text={t.verifyDoneText}
    />
  );
}

/** Confirms a new email for an existing account. */
export function ConfirmEmail() {
  const t = useMessages();
  return (
    <TokenPage
      send={(token) => confirmEmail({ body: { token }, throwOnError: true })}
      done={t.confirmEmailDone}
      text={t.confirmEmailDoneText}
    />
  );
}

interface TokenPageProps {
  send: (token: string) => Promise<unknown>;
  done: string;
  text: string;
}

/** Sends the token from the mailed link to the server, once. */
function TokenPage({ send, done, text }: TokenPageProps) {
  const t = useMessages();
  const queries = useQueryClient();
  const { token, used, forget } = useLinkToken();
  const sent = useRef<string>(undefined);
  const { mutate, isSuccess, error } = useMutation({
    mutationFn: send,
    onSuccess: () => {
      forget();
      return queries.invalidateQueries({ queryKey: getCurrentUserQueryKey() });
    },
  });
  useEffect(() => {
    // The token works once, but React runs effects twice in development.
    if (token === undefined || sent.current === token) return;
    sent.current = token;
    mutate(token);
  }, [token, mutate]);

  if (isSuccess || (used && token === undefined)) {
    return (
      <Outcome Icon={CircleCheck} title={done} text={text}>
        <Link to="/" className={linkStyle}>
          {t.continue}
        </Link>
      </Outcome>
    );
  }
  const failure = error === null ? undefined : toFailure(error);
  if (failure?.retryable && token !== undefined) return <LoadError error={failure} retry={() => mutate(token)} />;
  if (token === undefined || failure !== undefined) {
    return (
      <Outcome Icon={Unlink} bad title={t.linkFailed} text={failure ? failureText(t, failure) : t.linkIncomplete}>
        <Link to="/resend" className={linkStyle}>
          {t.resendConfirmation}
        </Link>
      </Outcome>
    );
  }
  return (
    <>
      <PageTitle>{t.verifyTitle}</PageTitle>
      <Loading />
    </>
  );
}

/** Explains a failure. A link fails when it is opened twice, although the email is confirmed by then. */
function failureText(t: ReturnType<typeof useMessages>, { code }: Failure): string {
  const text = errorMessage(t, code);
  return code === "invalid_token" ? `${text} ${t.linkUsed}` : text;
}
