import { zNewPassword } from "@client/zod.gen";
import { z } from "zod";

// What this app must know of the settings of its server, which writes them into the page.
const setting = (name: string): string | undefined =>
  document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;

/** What new passwords must be (PASSWORD_POLICY). */
export const policy = setting("password-policy") === "length" ? "length" : "composition";

/** Whether people can open accounts themselves (REGISTRATION). */
export const registrationOpen = setting("registration") !== "closed";

/** A new password by the rules of this server. The contract in the repository has those of composition. */
export const zPassword: z.ZodType<string> = policy === "length" ? z.string().min(15).max(1024) : zNewPassword;
