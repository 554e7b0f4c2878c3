import { resendVerification } from "@client/sdk.gen";
import { zEmail } from "@client/zod.gen";
import { z } from "zod";
import { useMessages } from "../../i18n";
import { EmailForm } from "./EmailForm";

export function ResendVerification() {
  const t = useMessages();
  return (
    <EmailForm
      schema={address}
      title={t.resendTitle}
      text={t.resendText}
      action={t.resetSend}
      sent={t.resendSent}
      send={(body) => resendVerification({ body, throwOnError: true })}
    />
  );
}

const address = z.object({ email: zEmail });
