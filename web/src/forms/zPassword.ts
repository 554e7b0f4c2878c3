import { zNewPassword } from "@client/zod.gen";
import { z } from "zod";
import { passwordPolicy } from "../settings";

/** A new password by the policy of this server. The contract in the repository has the rules of `composition`. */
export const zPassword: z.ZodType<string> = passwordPolicy === "length" ? z.string().min(15).max(1024) : zNewPassword;
