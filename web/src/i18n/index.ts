import { useSyncExternalStore } from "react";
import type { FieldCode } from "./codes";
import { en, type Messages } from "./en";
import { currentLocale, type Locale, setLocale, subscribeLocale } from "./locale";

const loaded: Partial<Record<Locale, Messages>> = { en };
const load: Record<Exclude<Locale, "en">, () => Promise<Messages>> = {
  de: async () => (await import("./de")).de,
};

/** Speaks this language from now on, once its sentences are here. */
export async function speak(locale: Locale): Promise<void> {
  if (locale !== "en") loaded[locale] ??= await load[locale]();
  setLocale(locale);
}

export function useLocale(): Locale {
  return useSyncExternalStore(subscribeLocale, currentLocale);
}

/** The sentences of this app in the language of its reader. */
export function useMessages(): Messages {
  return loaded[useLocale()] ?? en;
}

/** The sentence for a code of the contract, or for one that is newer than this app. */
export function errorMessage(t: Messages, code: string): string {
  return (t.errors as Record<string, string>)[code] ?? t.errors.unknown;
}

/** The sentence for a rule that a field breaks. */
export function fieldMessage(t: Messages, field: string, code: string): string {
  const own = (t.fieldErrors as Record<string, Partial<Record<string, string>>>)[field]?.[code];
  return own ?? t.rules[code as FieldCode] ?? errorMessage(t, code);
}

export type { Messages };
