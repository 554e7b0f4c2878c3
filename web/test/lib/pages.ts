import { de } from "../../src/i18n/de";
import { en, type Messages } from "../../src/i18n/en";
import type { Person } from "./browser";

/** The sentences of the app by the language of a browser. */
export const languages: Record<string, Messages> = { "en-GB": en, "de-DE": de };

export interface Place {
  name: string;
  path: string;
  /** Says that the page is there. */
  heading: (t: Messages) => string | RegExp;
}

export const guestPages: Place[] = [
  { name: "login", path: "/login", heading: (t) => t.loginTitle },
  { name: "register", path: "/register", heading: (t) => t.registerTitle },
  { name: "request-reset", path: "/request-reset", heading: (t) => t.resetTitle },
  { name: "reset-password", path: "/reset-password#token=x", heading: (t) => t.resetNewTitle },
  { name: "verify", path: "/verify#token=x", heading: (t) => t.verifyFailed },
  { name: "resend", path: "/resend", heading: (t) => t.resendTitle },
  { name: "not-found", path: "/nothing", heading: (t) => t.notFound },
];

export const memberPages: Place[] = [
  { name: "dashboard", path: "/", heading: (t) => new RegExp(t.hello("")) },
  { name: "profile", path: "/account/profile", heading: (t) => t.profile },
  { name: "email", path: "/account/email", heading: (t) => t.changeEmail },
  { name: "password", path: "/account/password", heading: (t) => t.changePassword },
  { name: "sessions", path: "/account/sessions", heading: (t) => t.sessions },
  { name: "activity", path: "/account/activity", heading: (t) => t.activity },
  { name: "data", path: "/account/data", heading: (t) => t.data },
];

/** For administrators. */
export const adminPages: Place[] = [
  { name: "admin-users", path: "/admin", heading: (t) => t.users },
  { name: "admin-audit", path: "/admin/audit", heading: (t) => t.audit },
  { name: "admin-user", path: "/admin/users/2", heading: (t) => t.actions },
];

/** What opens over a page, or in it: by pressing a button, after filling a field. */
export interface Opened extends Place {
  fill?: (t: Messages) => [label: string, text: string];
  press: (t: Messages) => string;
  /** Makes the server answer as it must for this. */
  before?: string;
  opens: (me: Person) => Promise<unknown>;
}

const dialog = (me: Person): Promise<unknown> => me.page.getByRole("alertdialog").waitFor();
const place = (name: string): Place => {
  const found = [...guestPages, ...memberPages, ...adminPages].find((one) => one.name === name);
  if (found === undefined) throw new Error(`no page ${name}`);
  return found;
};
const newAddress = (t: Messages): [string, string] => [t.newEmail, "sara@new.example"];

export const openedByMembers: Opened[] = [
  { ...place("sessions"), press: (t) => t.endOthers, opens: dialog },
  { ...place("data"), press: (t) => t.delete, opens: dialog },
  { ...place("admin-users"), press: (t) => t.inviteUser, opens: dialog },
  { ...place("admin-user"), press: (t) => t.deleteUser, opens: dialog },
  {
    ...place("email"),
    before: "UPDATE sessions SET authenticated_at = authenticated_at - 660000000",
    fill: newAddress,
    press: (t) => t.save,
    opens: dialog,
  },
  { ...place("email"), before: "DELETE FROM sessions", fill: newAddress, press: (t) => t.save, opens: dialog },
];

export const openedByGuests: Opened[] = [
  {
    ...place("register"),
    fill: (t) => [t.username, "ö"],
    press: (t) => t.register,
    opens: (me) => me.page.locator("[aria-invalid=true]").nth(2).waitFor(),
  },
  {
    ...place("login"),
    fill: (t) => [t.nameOrEmail, "nobody"],
    press: (t) => t.login,
    opens: (me) => me.page.locator("[aria-invalid=true]").waitFor(),
  },
];
