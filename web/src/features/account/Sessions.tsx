import { listSessionsOptions, listSessionsQueryKey } from "@client/@tanstack/react-query.gen";
import { endOtherSessions, endSession } from "@client/sdk.gen";
import type { SessionInfo } from "@client/types.gen";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toFailure } from "../../api/failure";
import { useLogout } from "../../session/useLogout";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Dialog } from "../../ui/Dialog";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { LoadError } from "../../ui/LoadError";
import { Loading } from "../../ui/Loading";
import { Notice } from "../../ui/Notice";
import { PageTitle } from "../../ui/PageTitle";
import { SessionRow } from "../../ui/SessionRow";
import { useMessages } from "./messages";

export function Sessions() {
  const t = useMessages();
  const queries = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const { data, error, refetch } = useQuery(listSessionsOptions());
  const refresh = (): Promise<void> => queries.invalidateQueries({ queryKey: listSessionsQueryKey() });
  const logout = useLogout();
  const end = useMutation({
    mutationFn: ({ id }: SessionInfo) => endSession({ path: { id }, throwOnError: true }),
    onSettled: refresh,
  });
  const endOthers = useMutation({
    mutationFn: () => endOtherSessions({ throwOnError: true }),
    onSuccess: refresh,
    onSettled: () => setConfirming(false),
  });
  if (error) return <LoadError error={error} retry={refetch} />;
  if (!data) return <Loading />;
  const failure = end.error ?? endOthers.error;
  return (
    <>
      <PageTitle text={t.sessionsText}>{t.sessions}</PageTitle>
      <div className="flex flex-col gap-5">
        {failure && <ErrorNotice failure={toFailure(failure)} />}
        {end.isSuccess && <Notice kind="good">{t.deviceLoggedOut}</Notice>}
        {endOthers.isSuccess && <Notice kind="good">{t.othersLoggedOut}</Notice>}
        <Card>
          <ul className="-my-5 divide-y divide-line">
            {data.sessions.map((session) => (
              <SessionRow
                key={session.id}
                session={session}
                isPending={end.isPending && end.variables.id === session.id}
                onEnd={() => (session.current ? logout.mutate() : end.mutate(session))}
              />
            ))}
          </ul>
        </Card>
        {data.sessions.length > 1 && (
          <div>
            <Button kind="secondary" onClick={() => setConfirming(true)}>
              {t.logoutOthers}
            </Button>
          </div>
        )}
      </div>
      <Dialog title={t.logoutOthers} text={t.logoutOthersText} isOpen={confirming} onClose={() => setConfirming(false)}>
        <div className="flex justify-end gap-3">
          <Button kind="secondary" onClick={() => setConfirming(false)}>
            {t.cancel}
          </Button>
          <Button kind="danger" onClick={() => endOthers.mutate()} isPending={endOthers.isPending}>
            {t.logoutOthers}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
