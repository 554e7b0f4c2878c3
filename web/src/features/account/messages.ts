import { createUseMessages } from "../../i18n";

const en = {
  hello: (name: string) => `Hello, ${name}`,
  dashboardText: "Manage your TechTreks account.",
  unconfirmedText: "Please confirm your email. Open the link in the email we sent you.",
  profileSummary: "Change your username",
  emailSummary: "Change your email",
  passwordSummary: "Change your password",
  sessionsSummary: "See where you’re logged in",
  activitySummary: "Review recent activity",
  dataSummary: "Download your data or delete your account",

  accountMenu: "Account menu",
  profile: "Profile",
  profileText: "Others see your username. You can also log in with it.",
  saveProfile: "Save username",
  profileSaved: "Your username has been saved.",

  emailText: "We send emails about your account to this address. If you change it, we send a link to the new address.",
  currentEmail: "Current email",
  newEmail: "New email",
  changeEmail: "Change email",
  confirmationSent: (email: string) => `We’ve sent an email to ${email}. Open the link in it to confirm the address.`,

  currentPassword: "Current password",
  passwordText: "Changing your password logs you out on all other devices.",
  changePassword: "Change password",
  passwordChanged: "Your password has been changed. You’ve been logged out on all other devices.",
  noPasswordText: "You don’t have a password yet. Setting one logs you out on all other devices.",
  setPassword: "Set password",
  passwordSet: "Your password has been set. You’ve been logged out on all other devices.",

  sessionsText: "Devices where you’re logged in. Log out any you don’t recognise, then change your password.",
  logoutOthers: "Log out all other devices",
  logoutOthersText: "You stay logged in on this device only.",
  othersLoggedOut: "All other devices have been logged out.",
  deviceLoggedOut: "The device has been logged out.",

  activity: "Activity",
  activityText: "Recent activity. If you don’t recognise something, change your password.",

  data: "Your data",
  exportTitle: "Download your data",
  exportText: "A JSON file with everything we store about you.",
  export: "Download data",
  deleteTitle: "Delete your account",
  deleteText: "Your account and all its data will be deleted. This can’t be undone.",
  delete: "Delete my account",
  deleteDialog: (username: string) =>
    `The account ${username} and all its data will be deleted permanently. This can’t be undone.`,
  deleteConfirm: "Delete permanently",
};

const de: typeof en = {
  hello: (name) => `Hallo, ${name}`,
  dashboardText: "Verwalten Sie Ihr TechTreks-Konto.",
  unconfirmedText: "Bitte bestätigen Sie Ihre E-Mail-Adresse. Öffnen Sie dazu den Link in unserer E-Mail.",
  profileSummary: "Benutzernamen ändern",
  emailSummary: "E-Mail-Adresse ändern",
  passwordSummary: "Passwort ändern",
  sessionsSummary: "Geräte, auf denen Sie angemeldet sind",
  activitySummary: "Letzte Aktivitäten prüfen",
  dataSummary: "Daten herunterladen oder Konto löschen",

  accountMenu: "Kontomenü",
  profile: "Profil",
  profileText: "Andere sehen Ihren Benutzernamen. Sie können sich auch damit anmelden.",
  saveProfile: "Benutzernamen speichern",
  profileSaved: "Ihr Benutzername wurde gespeichert.",

  emailText:
    "An diese Adresse senden wir E-Mails zu Ihrem Konto. Wenn Sie sie ändern, senden wir einen Link an die neue Adresse.",
  currentEmail: "Aktuelle E-Mail-Adresse",
  newEmail: "Neue E-Mail-Adresse",
  changeEmail: "E-Mail-Adresse ändern",
  confirmationSent: (email) =>
    `Wir haben eine E-Mail an ${email} geschickt. Öffnen Sie den Link darin, um die Adresse zu bestätigen.`,

  currentPassword: "Aktuelles Passwort",
  passwordText: "Wenn Sie Ihr Passwort ändern, werden Sie auf allen anderen Geräten abgemeldet.",
  changePassword: "Passwort ändern",
  passwordChanged: "Ihr Passwort wurde geändert. Auf allen anderen Geräten wurden Sie abgemeldet.",
  noPasswordText:
    "Sie haben noch kein Passwort. Wenn Sie eines festlegen, werden Sie auf allen anderen Geräten abgemeldet.",
  setPassword: "Passwort festlegen",
  passwordSet: "Ihr Passwort wurde festgelegt. Auf allen anderen Geräten wurden Sie abgemeldet.",

  sessionsText:
    "Geräte, auf denen Sie angemeldet sind. Melden Sie unbekannte Geräte ab und ändern Sie dann Ihr Passwort.",
  logoutOthers: "Alle anderen Geräte abmelden",
  logoutOthersText: "Sie bleiben nur auf diesem Gerät angemeldet.",
  othersLoggedOut: "Alle anderen Geräte wurden abgemeldet.",
  deviceLoggedOut: "Das Gerät wurde abgemeldet.",

  activity: "Aktivität",
  activityText: "Letzte Aktivitäten. Kommt Ihnen etwas unbekannt vor? Dann ändern Sie Ihr Passwort.",

  data: "Ihre Daten",
  exportTitle: "Daten herunterladen",
  exportText: "Eine JSON-Datei mit allem, was wir über Sie gespeichert haben.",
  export: "Daten herunterladen",
  deleteTitle: "Konto löschen",
  deleteText: "Ihr Konto und alle zugehörigen Daten werden gelöscht. Das lässt sich nicht rückgängig machen.",
  delete: "Mein Konto löschen",
  deleteDialog: (username) =>
    `Das Konto ${username} und alle zugehörigen Daten werden endgültig gelöscht. Das lässt sich nicht rückgängig machen.`,
  deleteConfirm: "Endgültig löschen",
};

export const messages = { en, de };
export const useMessages = createUseMessages(messages);
