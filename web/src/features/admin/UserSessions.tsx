import { listUserSessionsOptions, listUserSessionsQueryKey } from "@client/@tanstack/react-query.gen";
import { endUserSession, endUserSessions } from "@client/sdk.gen";
import type { SessionInfo } from "@client/types.gen";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { toFailure } from "../../api/failure";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Loading } from "../../ui/Loading";
import { SessionRow } from "../../ui/SessionRow";
import { useMessages } from "./messages";

/** The sessions of an account, for administrators. */
export function UserSessions({ id }: { id: number }) {
  const t = useMessages();
  const queries = useQueryClient();
  const { data, error } = useQuery(listUserSessionsOptions({ path: { id } }));
  const refresh = (): Promise<void> =>
    queries.invalidateQueries({ queryKey: listUserSessionsQueryKey({ path: { id } }) });
  const endOne = useMutation({
    mutationFn: (session: SessionInfo) => endUserSession({ path: { id, session_id: session.id }, throwOnError: true }),
    onSettled: refresh,
  });
  const endAll = useMutation({
    mutationFn: () => endUserSessions({ path: { id }, throwOnError: true }),
    onSettled: refresh,
  });
  const failure = error ?? endOne.error ?? endAll.error;
  return (
    <Card title={t.sessions}>
      {failure && <ErrorNotice failure={toFailure(failure)} />}
      {!data && !error && <Loading />}
      {data?.sessions.length === 0 && <p className="text-muted">{t.noSessions}</p>}
      <ul className="divide-y divide-line">
        {data?.sessions.map((session) => (
          <SessionRow
            key={session.id}
            session={session}
            isPending={endOne.isPending && endOne.variables.id === session.id}
            onEnd={() => endOne.mutate(session)}
          />
        ))}
      </ul>
      {data !== undefined && data.sessions.length > 0 && (
        <div className="mt-4">
          <Button kind="secondary" onClick={() => endAll.mutate()} isPending={endAll.isPending}>
            {t.logoutAll}
          </Button>
        </div>
      )}
    </Card>
  );
}
