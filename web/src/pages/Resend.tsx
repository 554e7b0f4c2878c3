import { resendVerification } from "@client/sdk.gen";
import { zEmail } from "@client/zod.gen";
import { z } from "zod";
import { useMessages } from "../i18n";
import { AddressPage } from "./AddressPage";

export function Resend() {
  const t = useMessages();
  return (
    <AddressPage
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
