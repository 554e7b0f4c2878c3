import { requestReset } from "@client/sdk.gen";
import { zEmail } from "@client/zod.gen";
import { z } from "zod";
import { EmailForm } from "./EmailForm";
import { useMessages } from "./messages";

// The server accepts any string here, so as not to reveal who has an account. Typing errors are shown anyway.
const schema = z.object({ email: zEmail });

export function RequestReset() {
  const t = useMessages();
  return (
    <EmailForm
      schema={schema}
      title={t.resetTitle}
      text={t.resetText}
      action={t.resetSend}
      sent={t.resetSent}
      send={(body) => requestReset({ body, throwOnError: true })}
    />
  );
}
