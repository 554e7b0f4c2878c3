import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { useMessages } from "../i18n";
import { Button } from "./Button";
import { LoadError } from "./LoadError";
import { Loading } from "./Loading";

interface PagedListProps {
  list: Pick<
    UseInfiniteQueryResult,
    "data" | "error" | "refetch" | "hasNextPage" | "isFetchingNextPage" | "fetchNextPage"
  >;
  children: React.ReactNode;
}

/** A list that is loaded page by page, with a button for the next page. */
export function PagedList({ list, children }: PagedListProps) {
  const t = useMessages();
  if (list.error) return <LoadError error={list.error} retry={list.refetch} />;
  if (list.data === undefined) return <Loading />;
  return (
    <>
      {children}
      {list.hasNextPage && (
        <div className="mt-5 flex justify-center">
          <Button kind="secondary" onClick={() => void list.fetchNextPage()} isPending={list.isFetchingNextPage}>
            {t.more}
          </Button>
        </div>
      )}
    </>
  );
}
