import { listSessionsOptions, listSessionsQueryKey } from "@client/@tanstack/react-query.gen";
import { endOtherSessions, endSession } from "@client/sdk.gen";
import type { SessionInfo } from "@client/types.gen";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { failureOf } from "../../api/failure";
import { useMessages } from "../../i18n";
import { useLogout } from "../../session/useLogout";
import { Action } from "../../ui/Action";
import { Ask } from "../../ui/Ask";
import { Card } from "../../ui/Card";
import { Failed } from "../../ui/Failed";
import { Loading } from "../../ui/Loading";
import { Notice } from "../../ui/Notice";
import { Problem } from "../../ui/Problem";
import { Title } from "../../ui/Title";
import { SessionRow } from "./SessionRow";

export function Sessions() {
  const t = useMessages();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { data, error, refetch } = useQuery(listSessionsOptions());
  const again = (): Promise<void> => queries.invalidateQueries({ queryKey: listSessionsQueryKey() });
  const logout = useLogout();
  const end = useMutation({
    mutationFn: ({ id }: SessionInfo) => endSession({ path: { id }, throwOnError: true }),
    onSettled: again,
  });
  const endOthers = useMutation({
    mutationFn: () => endOtherSessions({ throwOnError: true }),
    onSuccess: again,
    onSettled: () => setAsking(false),
  });
  if (error) return <Problem error={error} retry={refetch} />;
  if (!data) return <Loading />;
  const failed = end.error ?? endOthers.error;
  return (
    <>
      <Title text={t.sessionsText}>{t.sessions}</Title>
      <div className="flex flex-col gap-5">
        {failed && <Failed failure={failureOf(failed)} />}
        {end.isSuccess && <Notice kind="good">{t.sessionEnded}</Notice>}
        {endOthers.isSuccess && <Notice kind="good">{t.othersEnded}</Notice>}
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
            <Action kind="secondary" onClick={() => setAsking(true)}>
              {t.endOthers}
            </Action>
          </div>
        )}
      </div>
      <Ask title={t.endOthers} text={t.endOthersText} isOpen={asking} onClose={() => setAsking(false)}>
        <div className="flex justify-end gap-3">
          <Action kind="secondary" onClick={() => setAsking(false)}>
            {t.cancel}
          </Action>
          <Action kind="danger" onClick={() => endOthers.mutate()} isPending={endOthers.isPending}>
            {t.endOthers}
          </Action>
        </div>
      </Ask>
    </>
  );
}
