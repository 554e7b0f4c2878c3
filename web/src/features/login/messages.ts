import { createUseMessages } from "../../i18n";

const en = {
  loginTitle: "Log in to TechTreks",
  nameOrEmail: "Username or email",
  forgot: "Forgot your password?",
  noAccount: "No account yet?",
  accountDeleted: "Your account has been deleted.",

  register: "Create account",
  registerTitle: "Create your account",
  registerText: "One account for everything at TechTreks.",
  haveAccount: "Already have an account?",
  registered: "Account created",
  registeredText: (email: string) =>
    `We’ve sent an email to ${email}. Open the link in it to confirm your email address.`,
};

const de: typeof en = {
  loginTitle: "Bei TechTreks anmelden",
  nameOrEmail: "Benutzername oder E-Mail-Adresse",
  forgot: "Passwort vergessen?",
  noAccount: "Noch kein Konto?",
  accountDeleted: "Ihr Konto wurde gelöscht.",

  register: "Konto erstellen",
  registerTitle: "Konto erstellen",
  registerText: "Ein Konto für alles bei TechTreks.",
  haveAccount: "Sie haben schon ein Konto?",
  registered: "Konto erstellt",
  registeredText: (email) =>
    `Wir haben eine E-Mail an ${email} geschickt. Öffnen Sie den Link darin, um Ihre E-Mail-Adresse zu bestätigen.`,
};

export const messages = { en, de };
export const useMessages = createUseMessages(messages);
