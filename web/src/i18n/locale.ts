/** The languages that there are, which are those of the mails. */
export const locales = ["en", "de"] as const;
export type Locale = (typeof locales)[number];

const key = "techtreks-language";

function first(): Locale {
  const chosen = localStorage.getItem(key);
  for (const language of [chosen, ...navigator.languages]) {
    const known = locales.find((locale) => language?.toLowerCase().split("-")[0] === locale);
    if (known !== undefined) return known;
  }
  return "en";
}

let locale: Locale | undefined;
const listeners = new Set<() => void>();

export function currentLocale(): Locale {
  locale ??= first();
  return locale;
}

/** Remembers what somebody has chosen on this device. */
export function keepLocale(next: Locale): void {
  localStorage.setItem(key, next);
}

export function setLocale(next: Locale): void {
  locale = next;
  for (const listener of listeners) listener();
}

export function subscribeLocale(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
