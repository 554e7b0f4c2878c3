import type { Locale } from "../i18n/locale";

/** Returns the locale with the user's region if the browser has it: the order of day and month depends on it. */
function regional(locale: Locale): string {
  return navigator.languages.find((language) => language.split("-")[0] === locale) ?? locale;
}

/** Formats the day of a timestamp: "1 December 2026". */
export function formatDay(locale: Locale, moment: string): string {
  return new Intl.DateTimeFormat(regional(locale), { dateStyle: "long" }).format(new Date(moment));
}

/** Formats a timestamp with day and time. */
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

/** Formats the time since a timestamp, "5 minutes ago", or returns undefined if it is under a minute. */
export function formatAgo(locale: Locale, moment: string, now = Date.now()): string | undefined {
  const seconds = Math.max(0, (now - Date.parse(moment)) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  for (const [unit, size] of steps) {
    if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  }
  return undefined;
}

/** Formats a waiting time: "42 seconds", "5 minutes". Rounds up, so that a retry is not too early. */
export function formatWait(locale: Locale, seconds: number): string {
  const [unit, size] = steps.find(([, size]) => seconds > size * 1.5) ?? (["second", 1] as const);
  const format = new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" });
  return format.format(Math.ceil(seconds / size));
}
