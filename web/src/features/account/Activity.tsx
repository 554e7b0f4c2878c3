import { getActivity } from "@client/sdk.gen";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Card } from "../../ui/Card";
import { EventList } from "../../ui/EventList";
import { PagedList } from "../../ui/PagedList";
import { PageTitle } from "../../ui/PageTitle";
import { useMessages } from "./messages";

/** The audit events of the user's own account. */
export function Activity() {
  const t = useMessages();
  const list = useInfiniteQuery({
    queryKey: ["activity"],
    queryFn: async ({ pageParam: cursor }) =>
      (await getActivity({ query: { cursor, limit: 25 }, throwOnError: true })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  // Every login also starts a session: show one entry for both.
  const events = list.data?.pages.flatMap((page) => page.events).filter(({ event }) => event !== "session_created");
  return (
    <>
      <PageTitle text={t.activityText}>{t.activity}</PageTitle>
      <PagedList list={list}>
        <Card>
          <EventList events={events ?? []} />
        </Card>
      </PagedList>
    </>
  );
}
