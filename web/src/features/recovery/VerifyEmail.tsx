import { getCurrentUserQueryKey } from "@client/@tanstack/react-query.gen";
import { confirmEmail, verifyEmail } from "@client/sdk.gen";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, Unlink } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "react-router";
import { toFailure } from "../../api/failure";
import { errorMessage, useMessages } from "../../i18n";
import { LoadError } from "../../ui/LoadError";
import { Loading } from "../../ui/Loading";
import { Outcome } from "../../ui/Outcome";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";
import { useLinkToken } from "./useLinkToken";

/** Confirms the address of a new account. */
export function VerifyEmail() {
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
  const failure = error === null ? undefined : toFailure(error);
  if (failure?.retryable && token !== undefined) return <LoadError error={failure} retry={() => mutate(token)} />;
  if (token === undefined || failure !== undefined) {
    return (
      <Outcome Icon={Unlink} bad title={t.verifyFailed} text={failure ? errorMessage(t, failure.code) : t.noToken}>
        <Link to="/resend" className={linkStyle}>
          {t.resendLink}
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
