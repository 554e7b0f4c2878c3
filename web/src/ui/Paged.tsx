import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { useMessages } from "../i18n";
import { Action } from "./Action";
import { Loading } from "./Loading";
import { Problem } from "./Problem";

interface PagedProps {
  list: Pick<
    UseInfiniteQueryResult,
    "data" | "error" | "refetch" | "hasNextPage" | "isFetchingNextPage" | "fetchNextPage"
  >;
  children: React.ReactNode;
}

/** A list that comes page by page, with more at a press. */
export function Paged({ list, children }: PagedProps) {
  const t = useMessages();
  if (list.error) return <Problem error={list.error} retry={list.refetch} />;
  if (list.data === undefined) return <Loading />;
  return (
    <>
      {children}
      {list.hasNextPage && (
        <div className="mt-5 flex justify-center">
          <Action kind="secondary" onClick={() => void list.fetchNextPage()} isPending={list.isFetchingNextPage}>
            {t.more}
          </Action>
        </div>
      )}
    </>
  );
}
