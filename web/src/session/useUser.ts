import { getCurrentUserOptions, getCurrentUserQueryKey } from "@client/@tanstack/react-query.gen";
import type { User } from "@client/types.gen";
import { hashKey, type QueryClient, useQuery } from "@tanstack/react-query";

/** Who is logged in: undefined while that is not known, null for nobody. */
export function useUser() {
  const query = useQuery({ ...getCurrentUserOptions(), staleTime: 60_000 });
  return { user: query.data?.user, error: query.error, retry: query.refetch };
}

/** Tells every useUser who is logged in now. What was fetched for somebody else is forgotten. */
export function setUser(queries: QueryClient, user: User | null): void {
  const key = getCurrentUserQueryKey();
  const before = queries.getQueryData<{ user: User | null }>(key)?.user;
  if (before?.id !== user?.id)
    queries.removeQueries({ predicate: (query) => hashKey(query.queryKey) !== hashKey(key) });
  queries.setQueryData(key, { ok: user !== null, user });
}
