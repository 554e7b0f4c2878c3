import { resendVerification } from "@client/sdk.gen";
import { zEmail } from "@client/zod.gen";
import { z } from "zod";
import { EmailForm } from "./EmailForm";
import { useMessages } from "./messages";

const schema = z.object({ email: zEmail });

export function ResendVerification() {
  const t = useMessages();
  return (
    <EmailForm
      schema={schema}
      title={t.resendTitle}
      text={t.resendText}
      action={t.resendSend}
      sent={t.resendSent}
      send={(body) => resendVerification({ body, throwOnError: true })}
    />
  );
}
