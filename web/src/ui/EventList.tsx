import type { AuditEvent } from "@client/types.gen";
import { CircleAlert, CircleCheck } from "lucide-react";
import { useLocale, useMessages } from "../i18n";
import { formatMoment } from "./time";

/** What has happened, the newest first. `extra` says more about each. */
export function EventList({ events, extra }: { events: AuditEvent[]; extra?: (event: AuditEvent) => React.ReactNode }) {
  const t = useMessages();
  const locale = useLocale();
  if (events.length === 0) return <p className="text-muted">{t.noEvents}</p>;
  return (
    <ul className="-my-4 divide-y divide-line">
      {events.map((event) => {
        const failed = event.outcome === "failure";
        const Icon = failed ? CircleAlert : CircleCheck;
        return (
          <li key={event.id} className="flex gap-3 py-4">
            <Icon size={20} className={`mt-0.5 shrink-0 ${failed ? "text-danger" : "text-good"}`} aria-hidden />
            <div className="min-w-0 flex-1">
              <p className="font-medium">
                {t.eventReasons[`${event.event} ${event.reason}`] ?? t.events[event.event]}
                {event.repeats > 0 && <span className="text-muted"> × {event.repeats + 1}</span>}
                {failed && <span className="sr-only"> ({t.failedEvent})</span>}
              </p>
              <p className="text-sm break-words text-muted">
                <time dateTime={event.created_at}>{formatMoment(locale, event.created_at)}</time>
                {event.ip !== null && ` · ${t.from(event.ip)}`}
                {extra?.(event)}
              </p>
            </div>
          </li>
        );
      })}
    </ul>
  );
}
