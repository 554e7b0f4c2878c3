import { listUsers } from "@client/sdk.gen";
import type { ManagedUser } from "@client/types.gen";
import { useInfiniteQuery } from "@tanstack/react-query";
import { ChevronRight, ScrollText, UserPlus } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Input, Label, SearchField } from "react-aria-components";
import { Link } from "react-router";
import { useUser } from "../../session/useUser";
import { Button, buttonStyle } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { PagedList } from "../../ui/PagedList";
import { PageTitle } from "../../ui/PageTitle";
import { focusRing } from "../../ui/styles";
import { Invite } from "./Invite";
import { useMessages } from "./messages";
import { usersKey } from "./queryKeys";
import { UserBadges } from "./UserBadges";

/** The list of accounts, with a search. */
export function Users() {
  const t = useMessages();
  const { user } = useUser();
  const [search, setSearch] = useState("");
  const [inviting, setInviting] = useState(false);
  // Usernames and emails have no spaces, and the server rejects a search with one.
  const term = useDeferredValue(search.replaceAll(/\s/g, ""));
  const list = useInfiniteQuery({
    queryKey: [...usersKey, term],
    queryFn: async ({ pageParam: cursor }) =>
      (await listUsers({ query: { search: term || undefined, cursor, limit: 25 }, throwOnError: true })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
  });
  const users = list.data?.pages.flatMap((page) => page.users);
  return (
    <>
      <PageTitle text={t.usersText}>{t.users}</PageTitle>
      <div className="mb-5 flex flex-wrap items-end gap-3">
        <SearchField value={search} onChange={setSearch} className="flex min-w-56 flex-1 flex-col gap-1.5">
          <Label className="text-sm font-medium">{t.searchUsers}</Label>
          <Input
            maxLength={254}
            className={`h-11 rounded-lg border border-field bg-card px-3 [&::-webkit-search-cancel-button]:hidden ${focusRing}`}
          />
        </SearchField>
        {user?.role === "admin" && (
          <>
            <Button onClick={() => setInviting(true)}>
              <UserPlus size={18} aria-hidden />
              {t.inviteUser}
            </Button>
            <Link to="/admin/audit" className={buttonStyle("secondary")}>
              <ScrollText size={18} aria-hidden />
              {t.audit}
            </Link>
          </>
        )}
      </div>
      <PagedList list={list}>
        <Card>
          {users?.length === 0 && <p className="py-4 text-muted">{t.noUsers}</p>}
          <ul className="-my-5 divide-y divide-line">
            {users?.map((found) => (
              <UserRow key={found.id} user={found} />
            ))}
          </ul>
        </Card>
      </PagedList>
      <Invite isOpen={inviting} close={() => setInviting(false)} />
    </>
  );
}

function UserRow({ user }: { user: ManagedUser }) {
  return (
    <li>
      <Link
        to={`/admin/users/${user.id}`}
        className={`grid grid-cols-[1fr_auto] items-center gap-x-4 gap-y-1.5 rounded-lg py-4 sm:grid-cols-[1fr_auto_auto] ${focusRing}`}
      >
        <span className="min-w-0">
          <span className="block truncate font-medium">{user.username}</span>
          <span className="block truncate text-sm text-muted">{user.email}</span>
        </span>
        <ChevronRight size={20} className="row-span-2 text-muted sm:order-last sm:row-span-1" aria-hidden />
        <UserBadges user={user} />
      </Link>
    </li>
  );
}
