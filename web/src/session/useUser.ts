import { getCurrentUserOptions, getCurrentUserQueryKey } from "@client/@tanstack/react-query.gen";
import type { User } from "@client/types.gen";
import { hashKey, type QueryClient, useQuery } from "@tanstack/react-query";

/** Returns the current user: undefined while it is not known, null without a session. */
export function useUser() {
  const query = useQuery({ ...getCurrentUserOptions(), staleTime: 60_000 });
  return { user: query.data?.user, error: query.error, retry: query.refetch };
}

/** Sets the current user for every useUser. Removes all cached data if it was loaded for another user. */
export function setUser(queries: QueryClient, user: User | null): void {
  const key = getCurrentUserQueryKey();
  const previous = queries.getQueryData<{ user: User | null }>(key)?.user;
  if (previous?.id !== user?.id)
    queries.removeQueries({ predicate: (query) => hashKey(query.queryKey) !== hashKey(key) });
  queries.setQueryData(key, { ok: user !== null, user });
}
