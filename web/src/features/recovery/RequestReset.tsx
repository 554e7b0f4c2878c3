import { requestReset } from "@client/sdk.gen";
import { zEmail } from "@client/zod.gen";
import { z } from "zod";
import { useMessages } from "../../i18n";
import { EmailForm } from "./EmailForm";

export function RequestReset() {
  const t = useMessages();
  return (
    <EmailForm
      schema={address}
      title={t.resetTitle}
      text={t.resetText}
      action={t.resetSend}
      sent={t.resetSent}
      send={(body) => requestReset({ body, throwOnError: true })}
    />
  );
}

// The server takes anything for an address here, and says nothing about it. Whoever mistypes theirs should hear it.
const address = z.object({ email: zEmail });
