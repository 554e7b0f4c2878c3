import { RotateCw } from "lucide-react";
import { toFailure } from "../api/failure";
import { useMessages } from "../i18n";
import { Button } from "./Button";
import { ErrorNotice } from "./ErrorNotice";

/** Stands where something could not be loaded. */
export function LoadError({ error, retry }: { error: unknown; retry: () => unknown }) {
  const t = useMessages();
  return (
    <div className="mx-auto flex w-full max-w-lg flex-col items-start gap-4 py-8">
      <div className="w-full">
        <ErrorNotice failure={toFailure(error)} />
      </div>
      <Button kind="secondary" onClick={() => retry()}>
        <RotateCw size={18} aria-hidden />
        {t.again}
      </Button>
    </div>
  );
}
