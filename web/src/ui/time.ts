import type { Locale } from "../i18n/locale";

/** The language with the reader's own country, where the browser knows it: days and months stand in another order there. */
function regional(locale: Locale): string {
  return navigator.languages.find((language) => language.split("-")[0] === locale) ?? locale;
}

/** A moment as its reader would say it: the day alone, or the time as well. */
export function formatDay(locale: Locale, moment: string): string {
  return new Intl.DateTimeFormat(regional(locale), { dateStyle: "long" }).format(new Date(moment));
}

export function formatMoment(locale: Locale, moment: string): string {
  return new Intl.DateTimeFormat(regional(locale), { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(moment),
  );
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

/** How long to wait: "42 seconds", "5 minutes". Rounded up, so that it is not too early. */
export function formatWait(locale: Locale, seconds: number): string {
  const [unit, size] = steps.find(([, size]) => seconds > size * 1.5) ?? (["second", 1] as const);
  const format = new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" });
  return format.format(Math.ceil(seconds / size));
}
