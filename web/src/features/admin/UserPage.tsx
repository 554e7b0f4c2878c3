import { getUserOptions, getUserQueryKey } from "@client/@tanstack/react-query.gen";
import type { ManagedUser } from "@client/types.gen";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { useLocale } from "../../i18n";
import { useUser } from "../../session/useUser";
import { Card } from "../../ui/Card";
import { DescriptionList } from "../../ui/DescriptionList";
import { LoadError } from "../../ui/LoadError";
import { Loading } from "../../ui/Loading";
import { PageTitle } from "../../ui/PageTitle";
import { linkStyle } from "../../ui/styles";
import { formatDay } from "../../ui/time";
import { useMessages } from "./messages";
import { usersKey } from "./queryKeys";
import { UserActions } from "./UserActions";
import { UserBadges } from "./UserBadges";
import { UserSessions } from "./UserSessions";

/** One account, with its sessions and the actions on it. */
export function UserPage() {
  const t = useMessages();
  const queries = useQueryClient();
  const { user: me } = useUser();
  const path = { id: Number(useParams().id) };
  const { data, error, refetch } = useQuery(getUserOptions({ path }));
  if (error) return <LoadError error={error} retry={refetch} />;
  if (!data) return <Loading />;
  const changed = (): void => {
    void queries.invalidateQueries({ queryKey: getUserQueryKey({ path }) });
    void queries.invalidateQueries({ queryKey: usersKey });
  };
  return (
    <>
      <Link to="/admin" className={`mb-4 inline-block text-sm ${linkStyle}`}>
        ← {t.users}
      </Link>
      <PageTitle>{data.user.username}</PageTitle>
      <div className="flex flex-col gap-6">
        <AccountFacts user={data.user} />
        <UserActions user={data.user} changed={changed} />
        {me?.role === "admin" && <UserSessions id={data.user.id} />}
        {me?.role === "admin" && (
          <Link to={`/admin/audit?user=${data.user.id}`} className={linkStyle}>
            {t.audit}
          </Link>
        )}
      </div>
    </>
  );
}

function AccountFacts({ user }: { user: ManagedUser }) {
  const t = useMessages();
  const locale = useLocale();
  const facts: [string, string][] = [
    [t.email, `${user.email} (${user.email_verified ? t.confirmed : t.unconfirmed})`],
    [t.role, t.roles[user.role]],
    [t.memberSince, formatDay(locale, user.created_at)],
    [t.password, user.has_password ? t.passwordSet : t.invitationPending],
  ];
  return (
    <Card>
      <DescriptionList items={facts} />
      {user.state === "disabled" && (
        <div className="mt-4 flex justify-start">
          <UserBadges user={user} />
        </div>
      )}
    </Card>
  );
}
