// What this app must know of the settings of its server, which writes them into the page.
const setting = (name: string): string | undefined =>
  document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;

/** What new passwords must be (PASSWORD_POLICY). */
export const policy = setting("password-policy") === "length" ? "length" : "composition";

/** Whether people can open accounts themselves (REGISTRATION). */
export const registrationOpen = setting("registration") !== "closed";
