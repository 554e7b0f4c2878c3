import type { Locale } from "../i18n/locale";

/** A moment as its reader would say it: the day alone, or the time as well. */
export function formatDay(locale: Locale, moment: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "long" }).format(new Date(moment));
}

export function formatMoment(locale: Locale, moment: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(moment));
}

const steps = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** How long ago something was: "5 minutes ago". The server tells it to the minute. */
export function formatAgo(locale: Locale, moment: string, now = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(moment)) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  for (const [unit, size] of steps) {
    if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  }
  return format.format(0, "minute");
}
