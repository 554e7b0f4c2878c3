/** Every page and the heading that says that it is there. */
export const guestPages = [
  { name: "login", path: "/login", heading: "Welcome back" },
  { name: "register", path: "/register", heading: "Create your account" },
  { name: "request-reset", path: "/request-reset", heading: "Forgot your password?" },
  { name: "reset-password", path: "/reset-password#token=x", heading: "Set a new password" },
  { name: "verify", path: "/verify#token=x", heading: "That did not work" },
  { name: "resend", path: "/resend", heading: "Confirm your address" },
  { name: "not-found", path: "/nothing", heading: "Page not found" },
];

export const memberPages = [
  { name: "dashboard", path: "/", heading: /^Hello, / },
  { name: "profile", path: "/account/profile", heading: "Profile" },
  { name: "email", path: "/account/email", heading: "E-mail address" },
  { name: "password", path: "/account/password", heading: "Password" },
  { name: "sessions", path: "/account/sessions", heading: "Sessions" },
  { name: "activity", path: "/account/activity", heading: "Activity" },
  { name: "data", path: "/account/data", heading: "Your data" },
];

/** For administrators. */
export const adminPages: { name: string; path: string; heading: string | RegExp }[] = [
  { name: "admin-users", path: "/admin", heading: "Accounts" },
  { name: "admin-audit", path: "/admin/audit", heading: "Audit trail" },
  { name: "admin-user", path: "/admin/users/2", heading: /.+/ },
];
