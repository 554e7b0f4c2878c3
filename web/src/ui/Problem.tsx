import { RotateCw } from "lucide-react";
import { failureOf } from "../api/failure";
import { useMessages } from "../i18n";
import { Action } from "./Action";
import { Failed } from "./Failed";

/** Stands where something could not be loaded. */
export function Problem({ error, retry }: { error: unknown; retry: () => unknown }) {
  const t = useMessages();
  return (
    <div className="mx-auto flex w-full max-w-lg flex-col items-start gap-4 py-8">
      <div className="w-full">
        <Failed failure={failureOf(error)} />
      </div>
      <Action kind="secondary" onClick={() => retry()}>
        <RotateCw size={18} aria-hidden />
        {t.again}
      </Action>
    </div>
  );
}
