import { createUseMessages } from "../../i18n";

const en = {
  checkInbox: "Check your inbox",

  resetTitle: "Forgot your password?",
  resetText: "Enter your email and we’ll send you a link to reset your password.",
  resetSend: "Send reset link",
  resetSent: (email: string) =>
    `If there is an account for ${email}, we’ve sent a link to reset its password. The link expires soon.`,
  resetNewTitle: "Choose a new password",
  resetNewText: "You’ll be logged out on all devices. Then log in with your new password.",
  resetNew: "Reset password",
  resetDone: "Your password has been reset",
  passwordDoneText: "You can now log in with your new password.",

  inviteTitle: "Welcome to TechTreks",
  inviteText: "Choose a password to activate your account.",
  invite: "Activate account",
  inviteDone: "Your account is active",

  resendTitle: "Confirm your email",
  resendText: "Enter your email and we’ll send you a new confirmation link.",
  resendSend: "Send new link",
  resendSent: (email: string) => `If ${email} isn’t confirmed yet, we’ve sent a new link. The link expires soon.`,

  verifyTitle: "Confirming your email",
  verifyDone: "Your email is confirmed",
  verifyDoneText: "Thank you. You’re all set.",
  confirmEmailDone: "Your email has been changed",
  confirmEmailDoneText: "From now on, we’ll send emails about your account to your new address.",

  linkFailed: "This link didn’t work",
  linkIncomplete: "The link is incomplete. Open the link in the latest email again, or request a new one.",
  linkUsed: "If you already used it, your email is confirmed.",
};

const de: typeof en = {
  checkInbox: "Bitte prüfen Sie Ihr Postfach",

  resetTitle: "Passwort vergessen?",
  resetText: "Geben Sie Ihre E-Mail-Adresse ein. Wir senden Ihnen einen Link, mit dem Sie Ihr Passwort zurücksetzen.",
  resetSend: "Link senden",
  resetSent: (email) =>
    `Wenn es ein Konto mit der Adresse ${email} gibt, haben wir einen Link zum Zurücksetzen des Passworts gesendet. Der Link gilt nur kurze Zeit.`,
  resetNewTitle: "Neues Passwort wählen",
  resetNewText: "Sie werden auf allen Geräten abgemeldet. Melden Sie sich danach mit dem neuen Passwort an.",
  resetNew: "Passwort zurücksetzen",
  resetDone: "Ihr Passwort wurde zurückgesetzt",
  passwordDoneText: "Sie können sich jetzt mit Ihrem neuen Passwort anmelden.",

  inviteTitle: "Willkommen bei TechTreks",
  inviteText: "Wählen Sie ein Passwort, um Ihr Konto zu aktivieren.",
  invite: "Konto aktivieren",
  inviteDone: "Ihr Konto ist aktiv",

  resendTitle: "E-Mail-Adresse bestätigen",
  resendText: "Geben Sie Ihre E-Mail-Adresse ein. Wir senden Ihnen einen neuen Link zur Bestätigung.",
  resendSend: "Neuen Link senden",
  resendSent: (email) =>
    `Wenn ${email} noch nicht bestätigt ist, haben wir einen neuen Link gesendet. Der Link gilt nur kurze Zeit.`,

  verifyTitle: "Ihre E-Mail-Adresse wird bestätigt",
  verifyDone: "Ihre E-Mail-Adresse ist bestätigt",
  verifyDoneText: "Vielen Dank. Alles ist eingerichtet.",
  confirmEmailDone: "Ihre E-Mail-Adresse wurde geändert",
  confirmEmailDoneText: "E-Mails zu Ihrem Konto senden wir ab jetzt an die neue Adresse.",

  linkFailed: "Dieser Link hat nicht funktioniert",
  linkIncomplete:
    "Der Link ist unvollständig. Öffnen Sie den Link in der neuesten E-Mail noch einmal oder fordern Sie einen neuen an.",
  linkUsed: "Wenn Sie ihn bereits verwendet haben, ist Ihre E-Mail-Adresse bestätigt.",
};

export const messages = { en, de };
export const useMessages = createUseMessages(messages);
