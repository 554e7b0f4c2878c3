import { messages as account } from "../../src/features/account/messages";
import { messages as admin } from "../../src/features/admin/messages";
import { messages as login } from "../../src/features/login/messages";
import { messages as recovery } from "../../src/features/recovery/messages";
import { sharedMessages as shared } from "../../src/i18n";
import type { Locale } from "../../src/i18n/locale";
import type { Visitor } from "./browser";

const messages = (locale: Locale) => ({
  shared: shared[locale],
  login: login[locale],
  recovery: recovery[locale],
  account: account[locale],
  admin: admin[locale],
});
type Messages = ReturnType<typeof messages>;

/** The sentences of the app, by the language of the browser. */
export const languages: Record<string, Messages> = { "en-GB": messages("en"), "de-DE": messages("de") };

export interface Page {
  name: string;
  path: string;
  /** The heading that shows that the page has loaded. */
  heading: (t: Messages) => string | RegExp;
}

export const guestPages: Page[] = [
  { name: "login", path: "/login", heading: (t) => t.login.loginTitle },
  { name: "register", path: "/register", heading: (t) => t.login.registerTitle },
  { name: "request-reset", path: "/request-reset", heading: (t) => t.recovery.resetTitle },
  { name: "reset-password", path: "/reset-password#token=x", heading: (t) => t.recovery.resetNewTitle },
  { name: "verify", path: "/verify#token=x", heading: (t) => t.recovery.linkFailed },
  { name: "resend", path: "/resend", heading: (t) => t.recovery.resendTitle },
  { name: "not-found", path: "/nothing", heading: (t) => t.shared.notFound },
];

export const memberPages: Page[] = [
  { name: "dashboard", path: "/", heading: (t) => new RegExp(t.account.hello("")) },
  { name: "profile", path: "/account/profile", heading: (t) => t.account.profile },
  { name: "email", path: "/account/email", heading: (t) => t.shared.email },
  { name: "password", path: "/account/password", heading: (t) => t.shared.password },
  { name: "sessions", path: "/account/sessions", heading: (t) => t.shared.sessions },
  { name: "activity", path: "/account/activity", heading: (t) => t.account.activity },
  { name: "data", path: "/account/data", heading: (t) => t.account.data },
];

/** For administrators. */
export const adminPages: Page[] = [
  { name: "admin-users", path: "/admin", heading: (t) => t.admin.users },
  { name: "admin-audit", path: "/admin/audit", heading: (t) => t.admin.audit },
  { name: "admin-user", path: "/admin/users/2", heading: (t) => t.admin.actions },
];

/** A dialog or an error, which appears on a page after filling a field and pressing a button. */
export interface PageState extends Page {
  fill?: (t: Messages) => [label: string, text: string];
  press: (t: Messages) => string;
  /** SQL that prepares the response of the server. */
  before?: string;
  appears: (me: Visitor) => Promise<unknown>;
}

const dialog = (me: Visitor): Promise<unknown> => me.page.getByRole("alertdialog").waitFor();
const pageNamed = (name: string): Page => {
  const found = [...guestPages, ...memberPages, ...adminPages].find((page) => page.name === name);
  if (found === undefined) throw new Error(`no page ${name}`);
  return found;
};
const newEmail = (t: Messages): [string, string] => [t.account.newEmail, "sara@new.example"];
const changeEmail = (t: Messages): string => t.account.changeEmail;

export const memberPageStates: PageState[] = [
  { ...pageNamed("sessions"), press: (t) => t.account.logoutOthers, appears: dialog },
  { ...pageNamed("data"), press: (t) => t.account.delete, appears: dialog },
  { ...pageNamed("admin-users"), press: (t) => t.admin.inviteUser, appears: dialog },
  { ...pageNamed("admin-user"), press: (t) => t.admin.deleteUser, appears: dialog },
  {
    ...pageNamed("email"),
    before: "UPDATE sessions SET authenticated_at = authenticated_at - 660000000",
    fill: newEmail,
    press: changeEmail,
    appears: dialog,
  },
  { ...pageNamed("email"), before: "DELETE FROM sessions", fill: newEmail, press: changeEmail, appears: dialog },
];

export const guestPageStates: PageState[] = [
  {
    ...pageNamed("register"),
    fill: (t) => [t.shared.username, "ö"],
    press: (t) => t.login.register,
    appears: (me) => me.page.locator("[aria-invalid=true]").nth(2).waitFor(),
  },
  {
    ...pageNamed("login"),
    fill: (t) => [t.login.nameOrEmail, "nobody"],
    press: (t) => t.shared.login,
    appears: (me) => me.page.locator("[aria-invalid=true]").waitFor(),
  },
];
