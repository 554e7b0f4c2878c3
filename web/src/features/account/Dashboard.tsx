import { getProfileOptions } from "@client/@tanstack/react-query.gen";
import { resendVerification } from "@client/sdk.gen";
import { useMutation, useQuery } from "@tanstack/react-query";
import { AtSign, ChevronRight, Database, History, KeyRound, MonitorSmartphone, UserRound } from "lucide-react";
import { Link } from "react-router";
import { toFailure } from "../../api/failure";
import { useLocale } from "../../i18n";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { DescriptionList } from "../../ui/DescriptionList";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { LoadError } from "../../ui/LoadError";
import { Loading } from "../../ui/Loading";
import { Notice } from "../../ui/Notice";
import { PageTitle } from "../../ui/PageTitle";
import { focusRing } from "../../ui/styles";
import { formatDay } from "../../ui/time";
import { useMessages } from "./messages";

export function Dashboard() {
  const t = useMessages();
  const locale = useLocale();
  const { data, error, refetch } = useQuery(getProfileOptions());
  if (error) return <LoadError error={error} retry={refetch} />;
  if (!data) return <Loading />;
  const facts: [string, string][] = [
    [t.username, data.username],
    [t.email, `${data.email} (${data.email_verified ? t.confirmed : t.unconfirmed})`],
    [t.role, t.roles[data.role]],
    [t.memberSince, formatDay(locale, data.created_at)],
  ];
  const pages = [
    { to: "/account/profile", name: t.profile, text: t.profileSummary, Icon: UserRound },
    { to: "/account/email", name: t.email, text: t.emailSummary, Icon: AtSign },
    { to: "/account/password", name: t.password, text: t.passwordSummary, Icon: KeyRound },
    { to: "/account/sessions", name: t.sessions, text: t.sessionsSummary, Icon: MonitorSmartphone },
    { to: "/account/activity", name: t.activity, text: t.activitySummary, Icon: History },
    { to: "/account/data", name: t.data, text: t.dataSummary, Icon: Database },
  ];
  return (
    <>
      <PageTitle text={t.dashboardText}>{t.hello(data.username)}</PageTitle>
      <div className="flex flex-col gap-6">
        {!data.email_verified && <Unconfirmed email={data.email} />}
        <Card>
          <DescriptionList items={facts} />
        </Card>
        <ul className="grid gap-4 sm:grid-cols-2">
          {pages.map(({ to, name, text, Icon }) => (
            <li key={to}>
              <Link
                to={to}
                className={`flex h-full items-center gap-4 rounded-2xl border border-line bg-card p-5 shadow-sm transition-colors hover:border-field ${focusRing}`}
              >
                <span className="grid size-11 shrink-0 place-items-center rounded-xl bg-tint text-link">
                  <Icon size={22} aria-hidden />
                </span>
                <span className="min-w-0 flex-1">
                  <span className="block font-medium">{name}</span>
                  <span className="block text-sm text-muted">{text}</span>
                </span>
                <ChevronRight size={20} className="text-muted" aria-hidden />
              </Link>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}

function Unconfirmed({ email }: { email: string }) {
  const t = useMessages();
  const resend = useMutation({ mutationFn: () => resendVerification({ body: { email }, throwOnError: true }) });
  if (resend.isSuccess) return <Notice kind="good">{t.confirmationSent(email)}</Notice>;
  return (
    <Notice kind="warn">
      <p className="mb-3">{t.unconfirmedText}</p>
      {resend.error && (
        <div className="mb-3">
          <ErrorNotice failure={toFailure(resend.error)} />
        </div>
      )}
      <Button kind="secondary" onClick={() => resend.mutate()} isPending={resend.isPending}>
        {t.resendConfirmation}
      </Button>
    </Notice>
  );
}
