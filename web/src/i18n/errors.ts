import type { Code, FieldCode } from "./codes";
import type { Locale } from "./locale";

type Sentences<Key extends string> = Record<Key, Record<Locale, string>>;

/** The sentence for each error code of the contract, in every language. */
const errors: Sentences<Code> = {
  account_disabled: { en: "This account has been disabled.", de: "Dieses Konto ist gesperrt." },
  ambiguous_session: {
    en: "Your browser sent two different session cookies. Delete the cookies of this site, then log in again.",
    de: "Ihr Browser hat zwei verschiedene Sitzungs-Cookies gesendet. Löschen Sie die Cookies dieser Website und melden Sie sich neu an.",
  },
  body_too_large: { en: "Your input is too long.", de: "Ihre Eingabe ist zu lang." },
  busy: {
    en: "The server is busy. Please try again in a moment.",
    de: "Der Server ist ausgelastet. Bitte versuchen Sie es gleich noch einmal.",
  },
  cross_origin_refused: {
    en: "This website isn’t allowed to use this server.",
    de: "Diese Website darf diesen Server nicht verwenden.",
  },
  current_password_incorrect: { en: "Incorrect password.", de: "Das Passwort ist falsch." },
  email_taken: {
    en: "An account with this email already exists.",
    de: "Zu dieser E-Mail-Adresse gibt es bereits ein Konto.",
  },
  email_unverified: {
    en: "Please confirm your email first. Open the link in the email we sent you.",
    de: "Bitte bestätigen Sie zuerst Ihre E-Mail-Adresse. Öffnen Sie dazu den Link in unserer E-Mail.",
  },
  forbidden: { en: "You don’t have permission to do this.", de: "Sie sind dazu nicht berechtigt." },
  internal_error: {
    en: "Something went wrong on our side. Please try again.",
    de: "Bei uns ist ein Fehler aufgetreten. Bitte versuchen Sie es noch einmal.",
  },
  invalid_credentials: { en: "Wrong username or password.", de: "Benutzername oder Passwort ist falsch." },
  invalid_fields: { en: "Please check your input.", de: "Bitte prüfen Sie Ihre Eingaben." },
  invalid_token: {
    en: "This link has expired or was already used.",
    de: "Dieser Link ist abgelaufen oder wurde bereits verwendet.",
  },
  last_admin: { en: "There must be at least one administrator.", de: "Es muss mindestens einen Administrator geben." },
  login_required: {
    en: "Your session has ended. Please log in again.",
    de: "Ihre Sitzung ist beendet. Bitte melden Sie sich neu an.",
  },
  mail_off: { en: "This server doesn’t send email.", de: "Dieser Server verschickt keine E-Mails." },
  malformed_body: {
    en: "The server didn’t understand the request.",
    de: "Der Server hat die Anfrage nicht verstanden.",
  },
  missing_fields: { en: "Please fill in all fields.", de: "Bitte füllen Sie alle Felder aus." },
  not_found: { en: "Not found. It may have been deleted.", de: "Nicht gefunden. Vielleicht wurde es gelöscht." },
  offline: {
    en: "The server can’t be reached. Check your internet connection and try again.",
    de: "Der Server ist nicht erreichbar. Prüfen Sie Ihre Internetverbindung und versuchen Sie es noch einmal.",
  },
  rate_limited: { en: "Too many attempts.", de: "Zu viele Versuche." },
  reauth_required: { en: "Please confirm your password to do this.", de: "Bitte bestätigen Sie dafür Ihr Passwort." },
  registration_closed: { en: "Sign-up is by invitation only.", de: "Die Registrierung ist nur mit Einladung möglich." },
  shutting_down: {
    en: "The server is restarting. Please try again in a moment.",
    de: "Der Server wird gerade neu gestartet. Bitte versuchen Sie es gleich noch einmal.",
  },
  unavailable: {
    en: "The server is temporarily unavailable. Please try again in a moment.",
    de: "Der Server ist vorübergehend nicht verfügbar. Bitte versuchen Sie es gleich noch einmal.",
  },
  unknown: { en: "Something unexpected went wrong.", de: "Ein unerwarteter Fehler ist aufgetreten." },
  unsupported_media_type: {
    en: "The server didn’t understand the request.",
    de: "Der Server hat die Anfrage nicht verstanden.",
  },
  username_taken: { en: "This username is taken.", de: "Dieser Benutzername ist bereits vergeben." },
};

/** The sentence for each rule that a field can break. */
const rules: Sentences<FieldCode> = {
  required: { en: "Please fill in this field.", de: "Bitte ausfüllen." },
  type: { en: "Invalid value.", de: "Ungültiger Wert." },
  too_short: { en: "Too short.", de: "Zu kurz." },
  too_long: { en: "Too long.", de: "Zu lang." },
  pattern: { en: "Contains a character that isn’t allowed.", de: "Enthält ein Zeichen, das nicht erlaubt ist." },
  format: { en: "Invalid format.", de: "Ungültiges Format." },
  unknown_field: { en: "This field isn’t allowed.", de: "Dieses Feld ist nicht erlaubt." },
  invalid: { en: "Invalid value.", de: "Ungültiger Wert." },
  uppercase_missing: { en: "Add an uppercase letter.", de: "Fügen Sie einen Großbuchstaben hinzu." },
  lowercase_missing: { en: "Add a lowercase letter.", de: "Fügen Sie einen Kleinbuchstaben hinzu." },
  digit_missing: { en: "Add a number.", de: "Fügen Sie eine Ziffer hinzu." },
  special_missing: { en: "Add a special character.", de: "Fügen Sie ein Sonderzeichen hinzu." },
  password_too_common: {
    en: "This password is too common. Choose one that is harder to guess.",
    de: "Dieses Passwort ist zu verbreitet. Wählen Sie eines, das schwerer zu erraten ist.",
  },
  password_contains_identity: {
    en: "Don’t use your name, email or “TechTreks” in it.",
    de: "Verwenden Sie darin nicht Ihren Namen, Ihre E-Mail-Adresse oder „TechTreks“.",
  },
  password_breached: {
    en: "This password appeared in a data breach. Choose another one.",
    de: "Dieses Passwort stammt aus einem Datenleck. Wählen Sie ein anderes.",
  },
  username_reserved: { en: "This username is reserved.", de: "Dieser Benutzername ist reserviert." },
};

function inLanguage<Key extends string>(sentences: Sentences<Key>, locale: Locale): Record<Key, string> {
  const entries = Object.entries<Record<Locale, string>>(sentences).map(([key, by]) => [key, by[locale]]);
  return Object.fromEntries(entries) as Record<Key, string>;
}

/** Returns the sentences for errors and rules in one language. */
export function errorSentences(locale: Locale): { errors: Record<Code, string>; rules: Record<FieldCode, string> } {
  return { errors: inLanguage(errors, locale), rules: inLanguage(rules, locale) };
}
