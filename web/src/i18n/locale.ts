/** The languages of the app, the same as those of the mails. */
export const locales = ["en", "de"] as const;
export type Locale = (typeof locales)[number];

const key = "techtreks-language";

/** Returns the language chosen on this device, or the first one of the browser that the app has. */
function detectLocale(): Locale {
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
  locale ??= detectLocale();
  return locale;
}

/** Switches the language, and stores the choice on this device. */
export function chooseLocale(next: Locale): void {
  localStorage.setItem(key, next);
  locale = next;
  for (const listener of listeners) listener();
}

export function subscribeLocale(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
