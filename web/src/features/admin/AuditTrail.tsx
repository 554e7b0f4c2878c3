import { listAuditEvents } from "@client/sdk.gen";
import type { AuditEvent, AuditEventName } from "@client/types.gen";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { useEventMessages } from "../../i18n/events";
import { Card } from "../../ui/Card";
import { EventList } from "../../ui/EventList";
import { PagedList } from "../../ui/PagedList";
import { PageTitle } from "../../ui/PageTitle";
import { Select } from "../../ui/Select";
import { linkStyle } from "../../ui/styles";
import { useMessages } from "./messages";

/** The audit trail. Its filters are in the URL, so that they can be linked to. */
export function AuditTrail() {
  const t = useMessages();
  const [query, setQuery] = useSearchParams();
  const event = (query.get("event") ?? undefined) as AuditEventName | undefined;
  const user = Number(query.get("user")) || undefined;
  const list = useInfiniteQuery({
    queryKey: ["admin", "audit", event, user],
    queryFn: async ({ pageParam: cursor }) =>
      (await listAuditEvents({ query: { event, user, cursor, limit: 50 }, throwOnError: true })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
  });
  const { events } = useEventMessages();
  const types: [AuditEventName | "", string][] = [["", t.allEvents]];
  for (const name of Object.keys(events) as AuditEventName[]) types.push([name, events[name]]);
  const choose = (name: string): void => {
    const next = new URLSearchParams(query);
    if (name === "") next.delete("event");
    else next.set("event", name);
    setQuery(next, { replace: true });
  };
  return (
    <>
      <Link to="/admin" className={`mb-4 inline-block text-sm ${linkStyle}`}>
        ← {t.users}
      </Link>
      <PageTitle text={t.auditText}>{t.audit}</PageTitle>
      <div className="mb-5">
        <Select label={t.eventFilter} options={types} value={event ?? ""} onChange={choose} />
      </div>
      <PagedList list={list}>
        <Card>
          <EventList events={list.data?.pages.flatMap((page) => page.events) ?? []} extra={details} />
        </Card>
      </PagedList>
    </>
  );
}

/** Technical details for investigations: the names that the API uses, not translated. */
function details({ event, operation, reason, actor_id, user_id, request_id }: AuditEvent): React.ReactNode {
  const parts = [
    event,
    operation,
    reason,
    actor_id !== null && `actor ${actor_id}`,
    user_id !== null && `user ${user_id}`,
    request_id,
  ];
  return (
    <span className="block font-mono text-xs" lang="en">
      {parts.filter((part) => part !== "" && part !== false && part !== null).join(" · ")}
    </span>
  );
}
