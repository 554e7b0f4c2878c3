import { getUserOptions, getUserQueryKey } from "@client/@tanstack/react-query.gen";
import type { ManagedUser } from "@client/types.gen";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { useLocale, useMessages } from "../../i18n";
import { useUser } from "../../session/useUser";
import { Card } from "../../ui/Card";
import { Facts } from "../../ui/Facts";
import { Loading } from "../../ui/Loading";
import { Problem } from "../../ui/Problem";
import { linkStyle } from "../../ui/styles";
import { Title } from "../../ui/Title";
import { formatDay } from "../../ui/time";
import { UserActions } from "./UserActions";
import { UserSessions } from "./UserSessions";
import { Badges, usersKey } from "./Users";

/** One account, and what can be done to it. */
export function UserPage() {
  const t = useMessages();
  const queries = useQueryClient();
  const { user: me } = useUser();
  const path = { id: Number(useParams().id) };
  const { data, error, refetch } = useQuery(getUserOptions({ path }));
  if (error) return <Problem error={error} retry={refetch} />;
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
      <Title>{data.user.username}</Title>
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
    [t.email, `${user.email} (${user.email_verified ? t.verified : t.unverified})`],
    [t.role, t.roles[user.role]],
    [t.memberSince, formatDay(locale, user.created_at)],
    [t.password, user.has_password ? t.hasPassword : t.noPassword],
  ];
  return (
    <Card>
      <Facts facts={facts} />
      {user.state === "disabled" && (
        <div className="mt-4 flex justify-start">
          <Badges user={user} />
        </div>
      )}
    </Card>
  );
}
