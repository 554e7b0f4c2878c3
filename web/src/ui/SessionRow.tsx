import type { SessionInfo } from "@client/types.gen";
import { MonitorSmartphone } from "lucide-react";
import { useLocale, useMessages } from "../i18n";
import { Button } from "./Button";
import { formatAgo, formatMoment } from "./time";

interface SessionRowProps {
  session: SessionInfo;
  isPending: boolean;
  onEnd: () => void;
}

/** One session: its device, when it was used, and a button to end it. */
export function SessionRow({ session, isPending, onEnd }: SessionRowProps) {
  const t = useMessages();
  const locale = useLocale();
  const { browser, os, ip, current } = session;
  const ago = formatAgo(locale, session.last_seen_at);
  const device = browser && os ? t.deviceName(browser, os) : browser || os || t.unknownDevice;
  return (
    <li className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-3 py-5 sm:grid-cols-[auto_1fr_auto]">
      <span className="grid size-11 shrink-0 place-items-center rounded-xl bg-sunken text-muted">
        <MonitorSmartphone size={22} aria-hidden />
      </span>
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-2 font-medium">
          {device}
          {current && (
            <span className="rounded-full bg-good-tint px-2 py-0.5 text-xs font-medium text-good">{t.thisDevice}</span>
          )}
        </p>
        <p className="text-sm text-muted">
          <time dateTime={session.last_seen_at} className="block">
            {ago === undefined ? t.activeNow : t.lastActive(ago)}
          </time>
          <time dateTime={session.created_at}>{t.loggedInAt(formatMoment(locale, session.created_at))}</time>{" "}
          {t.fromAddress(ip)}
        </p>
      </div>
      <div className="col-start-2 sm:col-start-3">
        <Button
          kind="secondary"
          onClick={onEnd}
          isPending={isPending}
          aria-label={t.logoutDevice(current ? t.thisDevice : device)}
        >
          {t.logout}
        </Button>
      </div>
    </li>
  );
}
