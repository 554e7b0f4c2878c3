import type { AuditEvent } from "@client/types.gen";
import { CircleAlert, CircleCheck } from "lucide-react";
import { useLocale, useMessages } from "../i18n";
import { useEventMessages } from "../i18n/events";
import { formatMoment } from "./time";

/** Audit events, newest first. `extra` returns more details of an event. */
export function EventList({ events, extra }: { events: AuditEvent[]; extra?: (event: AuditEvent) => React.ReactNode }) {
  const t = useMessages();
  const names = useEventMessages();
  const locale = useLocale();
  if (events.length === 0) return <p className="text-muted">{names.noEvents}</p>;
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
                {names.eventReasons[`${event.event} ${event.reason}`] ?? names.events[event.event]}
                {event.repeats > 0 && <span className="text-muted"> × {event.repeats + 1}</span>}
                {failed && <span className="sr-only"> ({names.failedEvent})</span>}
              </p>
              <p className="text-sm break-words text-muted">
                <time dateTime={event.created_at}>{formatMoment(locale, event.created_at)}</time>
                {/* Empty for events without a client, such as commands in the shell. */}
                {event.ip && ` · ${t.fromAddress(event.ip)}`}
                {extra?.(event)}
              </p>
            </div>
          </li>
        );
      })}
    </ul>
  );
}
