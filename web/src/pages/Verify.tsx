import { getCurrentUserQueryKey } from "@client/@tanstack/react-query.gen";
import { confirmEmail, verifyEmail } from "@client/sdk.gen";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Unlink } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "react-router";
import { failureOf } from "../api/failure";
import { sentence, useMessages } from "../i18n";
import { useLinkToken } from "../session/useLinkToken";
import { Loading } from "../ui/Loading";
import { Outcome } from "../ui/Outcome";
import { Problem } from "../ui/Problem";
import { linkStyle } from "../ui/styles";
import { Title } from "../ui/Title";

/** Confirms the address of a new account. */
export function Verify() {
  const t = useMessages();
  return (
    <TokenPage
      use={(token) => verifyEmail({ body: { token }, throwOnError: true })}
      done={t.verifyDone}
      text={t.verifyDoneText}
    />
  );
}

/** Makes a new address that of the account. */
export function ConfirmEmail() {
  const t = useMessages();
  return (
    <TokenPage
      use={(token) => confirmEmail({ body: { token }, throwOnError: true })}
      done={t.confirmEmailDone}
      text={t.confirmEmailDoneText}
    />
  );
}

interface TokenPageProps {
  use: (token: string) => Promise<unknown>;
  done: string;
  text: string;
}

/** Uses the token of the link that led here, once. */
function TokenPage({ use, done, text }: TokenPageProps) {
  const t = useMessages();
  const queries = useQueryClient();
  const { token, used: usedBefore, forget } = useLinkToken();
  const used = useRef<string>(undefined);
  const { mutate, isSuccess, error } = useMutation({
    mutationFn: use,
    onSuccess: () => {
      forget();
      return queries.invalidateQueries({ queryKey: getCurrentUserQueryKey() });
    },
  });
  useEffect(() => {
    // A token works once, and React runs effects twice in development.
    if (token === undefined || used.current === token) return;
    used.current = token;
    mutate(token);
  }, [token, mutate]);

  if (isSuccess || (usedBefore && token === undefined)) {
    return (
      <Outcome Icon={CircleCheck} title={done} text={text}>
        <Link to="/" className={linkStyle}>
          {t.goOn}
        </Link>
      </Outcome>
    );
  }
  const failure = error === null ? undefined : failureOf(error);
  if (failure?.passing && token !== undefined) return <Problem error={failure} retry={() => mutate(token)} />;
  if (token === undefined || failure !== undefined) {
    return (
      <Outcome Icon={Unlink} bad title={t.verifyFailed} text={failure ? sentence(t, failure.code) : t.noToken}>
        <Link to="/resend" className={linkStyle}>
          {t.resendLink}
        </Link>
      </Outcome>
    );
  }
  return (
    <>
      <Title>{t.verifyTitle}</Title>
      <Loading />
    </>
  );
}
