// The settings of the server that this app needs. The server writes them into the page.
const setting = (name: string): string | undefined =>
  document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;

/** The rules for new passwords (PASSWORD_POLICY). */
export const passwordPolicy = setting("password-policy") === "length" ? "length" : "composition";

/** Whether visitors can sign up (REGISTRATION). */
export const registrationOpen = setting("registration") !== "closed";
