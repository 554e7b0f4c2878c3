import { zNewPassword } from "@client/zod.gen";
import { z } from "zod";
import { policy } from "../settings";

/** A new password by the rules of this server. The contract in the repository has those of composition. */
export const zPassword: z.ZodType<string> = policy === "length" ? z.string().min(15).max(1024) : zNewPassword;
