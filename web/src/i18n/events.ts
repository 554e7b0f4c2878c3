import type { AuditEventName } from "@client/types.gen";
import { createUseMessages } from ".";

interface EventMessages {
  /** The name of each audit event. */
  events: Record<AuditEventName, string>;
  /** More exact names for some events, by event and reason. */
  eventReasons: Record<string, string>;
  noEvents: string;
  /** Read by screen readers after the name of an event that failed. */
  failedEvent: string;
}

const en: EventMessages = {
  events: {
    authn_login_success: "Logged in",
    authn_login_successafterfail: "Logged in after failed attempts",
    authn_login_fail: "Login failed",
    authn_login_fail_max: "Too many failed logins",
    authn_login_lock: "Login delayed",
    authn_password_change: "Password changed",
    authn_password_change_fail: "Password change failed",
    authn_token_created: "Link sent",
    authn_token_revoked: "Sessions ended",
    authn_token_reuse: "Old link or session used",
    authz_fail: "Access denied",
    authz_change: "Role changed",
    authz_admin: "Administrator action",
    excess_rate_limit_exceeded: "Too many requests",
    malicious_csrf: "Cross-site request blocked",
    malicious_cors: "Cross-origin request blocked",
    sequence_fail: "Password confirmation required",
    session_created: "Session started",
    session_renewed: "Session renewed",
    session_expired: "Session expired",
    session_logout: "Logged out",
    session_use_after_expire: "Expired session used",
    user_created: "Account created",
    user_updated: "Account changed",
    user_archived: "Account disabled",
    user_deleted: "Account deleted",
    sensitive_read: "Personal data downloaded",
    sys_startup: "Server started",
    sys_shutdown: "Server stopped",
    sys_crash: "Server error",
    mail_failed: "Email not delivered",
  },
  eventReasons: {
    "authn_token_created verify_email": "Confirmation email sent",
    "authn_token_created reset_password": "Password reset email sent",
    "authn_token_created change_email": "Confirmation email sent to the new address",
    "authn_token_created invitation": "Invitation sent",
    "user_updated enabled": "Account enabled",
    "user_updated username_changed": "Username changed",
    "user_updated email_changed": "Email changed",
    "user_updated email_change_requested": "Email change requested",
    "user_updated email_verified": "Email confirmed",
    "user_updated expired_token": "Expired link used",
    "user_updated unknown_token": "Invalid link used",
    "user_updated unfit_token": "Link used for the wrong purpose",
  },
  noEvents: "No events found.",
  failedEvent: "failed",
};

const de: EventMessages = {
  events: {
    authn_login_success: "Angemeldet",
    authn_login_successafterfail: "Nach Fehlversuchen angemeldet",
    authn_login_fail: "Anmeldung fehlgeschlagen",
    authn_login_fail_max: "Zu viele Fehlversuche",
    authn_login_lock: "Anmeldung verzögert",
    authn_password_change: "Passwort geändert",
    authn_password_change_fail: "Passwortänderung fehlgeschlagen",
    authn_token_created: "Link gesendet",
    authn_token_revoked: "Sitzungen beendet",
    authn_token_reuse: "Alter Link oder alte Sitzung verwendet",
    authz_fail: "Zugriff verweigert",
    authz_change: "Rolle geändert",
    authz_admin: "Aktion eines Administrators",
    excess_rate_limit_exceeded: "Zu viele Anfragen",
    malicious_csrf: "Websiteübergreifende Anfrage blockiert",
    malicious_cors: "Anfrage eines fremden Ursprungs blockiert",
    sequence_fail: "Passwortbestätigung erforderlich",
    session_created: "Sitzung gestartet",
    session_renewed: "Sitzung erneuert",
    session_expired: "Sitzung abgelaufen",
    session_logout: "Abgemeldet",
    session_use_after_expire: "Abgelaufene Sitzung verwendet",
    user_created: "Konto erstellt",
    user_updated: "Konto geändert",
    user_archived: "Konto gesperrt",
    user_deleted: "Konto gelöscht",
    sensitive_read: "Persönliche Daten heruntergeladen",
    sys_startup: "Server gestartet",
    sys_shutdown: "Server beendet",
    sys_crash: "Serverfehler",
    mail_failed: "E-Mail nicht zugestellt",
  },
  eventReasons: {
    "authn_token_created verify_email": "Bestätigungs-E-Mail gesendet",
    "authn_token_created reset_password": "E-Mail zum Zurücksetzen des Passworts gesendet",
    "authn_token_created change_email": "Bestätigungs-E-Mail an die neue Adresse gesendet",
    "authn_token_created invitation": "Einladung gesendet",
    "user_updated enabled": "Konto entsperrt",
    "user_updated username_changed": "Benutzername geändert",
    "user_updated email_changed": "E-Mail-Adresse geändert",
    "user_updated email_change_requested": "Änderung der E-Mail-Adresse angefordert",
    "user_updated email_verified": "E-Mail-Adresse bestätigt",
    "user_updated expired_token": "Abgelaufener Link verwendet",
    "user_updated unknown_token": "Ungültiger Link verwendet",
    "user_updated unfit_token": "Link für einen anderen Zweck verwendet",
  },
  noEvents: "Keine Ereignisse.",
  failedEvent: "fehlgeschlagen",
};

/** The names of audit events, with the sentences around a list of them. */
export const useEventMessages = createUseMessages({ en, de });
