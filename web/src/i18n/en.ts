import { errorSentences } from "./errors";

/** The sentences that several features use. */
export const en = {
  ...errorSentences("en"),
  /** Sentences for one field that are more exact than those of the rules. */
  fieldErrors: {
    username: {
      too_short: "Use 3 to 30 characters.",
      too_long: "Use 3 to 30 characters.",
      pattern: "Use only letters (A–Z), numbers, dots, dashes and underscores.",
    },
    email: {
      pattern: "Enter a valid email address.",
      format: "Enter a valid email address.",
      too_short: "Enter a valid email address.",
    },
    password: { too_short: "Too short. Add more characters." },
    new_password: { too_short: "Too short. Add more characters." },
  },

  brand: "TechTreks",
  skip: "Skip to content",
  mainMenu: "Main menu",
  loading: "Loading",
  tryAgain: "Try again",
  cancel: "Cancel",
  continue: "Continue",
  more: "Show more",
  requestID: (id: string) => `Reference for support: ${id}`,
  retryIn: (time: string) => `Try again in ${time}.`,
  offline: "You’re offline. Changes can’t be saved until you’re back online.",
  language: "Language",
  theme: "Appearance",
  themes: { system: "System", light: "Light", dark: "Dark" },
  notFound: "Page not found",
  notFoundText: "There is no page at this address.",
  toDashboard: "Go to dashboard",

  administration: "Administration",
  dashboard: "Dashboard",
  account: "Account",
  login: "Log in",
  logout: "Log out",
  resendConfirmation: "Resend confirmation email",

  username: "Username",
  email: "Email",
  password: "Password",
  newPassword: "New password",
  showPassword: "Show password",
  hidePassword: "Hide password",
  strength: "Password strength",
  strengths: ["Very weak", "Weak", "Fair", "Good", "Strong"],
  passwordHint: {
    composition: "At least 8 characters, with uppercase and lowercase letters, a number and a special character.",
    length: "At least 15 characters. A few words in a row are easy to remember.",
  },
  confirmed: "confirmed",
  unconfirmed: "not confirmed",
  memberSince: "Member since",
  role: "Role",
  roles: { user: "User", moderator: "Moderator", admin: "Administrator" },

  sessions: "Sessions",
  thisDevice: "This device",
  unknownDevice: "Unknown device",
  deviceName: (browser: string, os: string) => `${browser} on ${os}`,
  activeNow: "Active now",
  lastActive: (when: string) => `Last active ${when}`,
  loggedInAt: (when: string) => `Logged in ${when}`,
  fromAddress: (ip: string) => `from ${ip}`,
  logoutDevice: (device: string) => `Log out ${device}`,

  reauthTitle: "Confirm it’s you",
  reauthText: "You logged in a while ago. Enter your password to continue.",
  sessionEndedTitle: "Your session has ended",
  sessionEndedText: (name: string) => `Log in again as ${name} to continue. Otherwise, unsaved changes are lost.`,
  otherAccount: "Use another account",
};

export type Messages = typeof en;
