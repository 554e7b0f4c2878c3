import { useSyncExternalStore } from "react";
import type { FieldCode } from "./codes";
import { de } from "./de";
import { en, type Messages } from "./en";
import { currentLocale, type Locale, subscribeLocale } from "./locale";

/** The sentences that several features use, by language. */
export const sharedMessages: Record<Locale, Messages> = { en, de };

export function useLocale(): Locale {
  return useSyncExternalStore(subscribeLocale, currentLocale);
}

/** Returns the shared sentences in the current language. */
export function useMessages(): Messages {
  return sharedMessages[useLocale()];
}

/**
 * Creates the useMessages of a feature, which returns the feature's sentences
 * together with the shared ones. A key must not exist in both.
 */
export function createUseMessages<Own extends object & Partial<Record<keyof Messages, never>>>(
  own: Record<Locale, Own>,
): () => Messages & Own {
  const all = { en: { ...en, ...own.en }, de: { ...de, ...own.de } };
  return () => all[useLocale()];
}

/** Returns the sentence for an error code, or a general one if the code is newer than this app. */
export function errorMessage(t: Messages, code: string): string {
  return (t.errors as Record<string, string>)[code] ?? t.errors.unknown;
}

/** Returns the sentence for a rule that a field breaks. */
export function fieldMessage(t: Messages, field: string, code: string): string {
  const own = (t.fieldErrors as Record<string, Partial<Record<string, string>>>)[field]?.[code];
  return own ?? t.rules[code as FieldCode] ?? errorMessage(t, code);
}

export type { Messages };
