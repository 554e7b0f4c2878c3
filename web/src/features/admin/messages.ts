import { createUseMessages } from "../../i18n";

const en = {
  users: "Accounts",
  usersText: "All accounts on this server.",
  searchUsers: "Search by username or email",
  noUsers: "No accounts found.",
  disabled: "disabled",
  passwordSet: "Set",
  invitationPending: "Invitation pending",

  inviteUser: "Invite user",
  inviteText: "We’ll send an email with a link to choose a password.",
  sendInvitation: "Send invitation",

  actions: "Actions",
  roleChanged: (role: string) => `The role is now “${role}”.`,
  disable: "Disable account",
  disabledDone: "The account has been disabled.",
  enable: "Enable account",
  enabledDone: "The account has been enabled.",
  sendReset: "Send password reset",
  resetSent: (email: string) => `Reset email sent to ${email}.`,
  resendInvitation: "Resend invitation",
  invitationSent: (email: string) => `Invitation sent to ${email}.`,
  markConfirmed: "Mark email as confirmed",
  markedConfirmed: "The email has been marked as confirmed.",
  deleteUser: "Delete account",
  deleteUserText: (name: string) => `The account ${name} and all its data will be deleted. This can’t be undone.`,
  deleteConfirm: "Delete permanently",

  noSessions: "Not logged in on any device.",
  logoutAll: "Log out all devices",

  audit: "Audit trail",
  auditText: "All events on this server, newest first.",
  eventFilter: "Event type",
  allEvents: "All events",
};

const de: typeof en = {
  users: "Konten",
  usersText: "Alle Konten auf diesem Server.",
  searchUsers: "Nach Benutzername oder E-Mail-Adresse suchen",
  noUsers: "Keine Treffer.",
  disabled: "gesperrt",
  passwordSet: "Festgelegt",
  invitationPending: "Einladung ausstehend",

  inviteUser: "Benutzer einladen",
  inviteText: "Wir senden eine E-Mail mit einem Link, um ein Passwort festzulegen.",
  sendInvitation: "Einladung senden",

  actions: "Aktionen",
  roleChanged: (role) => `Die Rolle ist jetzt „${role}“.`,
  disable: "Konto sperren",
  disabledDone: "Das Konto wurde gesperrt.",
  enable: "Konto entsperren",
  enabledDone: "Das Konto wurde entsperrt.",
  sendReset: "Passwort-Link senden",
  resetSent: (email) => `E-Mail zum Zurücksetzen des Passworts an ${email} gesendet.`,
  resendInvitation: "Einladung erneut senden",
  invitationSent: (email) => `Einladung an ${email} gesendet.`,
  markConfirmed: "E-Mail-Adresse als bestätigt markieren",
  markedConfirmed: "Die E-Mail-Adresse wurde als bestätigt markiert.",
  deleteUser: "Konto löschen",
  deleteUserText: (name) =>
    `Das Konto ${name} und alle zugehörigen Daten werden gelöscht. Das lässt sich nicht rückgängig machen.`,
  deleteConfirm: "Endgültig löschen",

  noSessions: "Auf keinem Gerät angemeldet.",
  logoutAll: "Alle Geräte abmelden",

  audit: "Protokoll",
  auditText: "Alle Ereignisse auf diesem Server, die neuesten zuerst.",
  eventFilter: "Art des Ereignisses",
  allEvents: "Alle Ereignisse",
};

export const messages = { en, de };
export const useMessages = createUseMessages(messages);
