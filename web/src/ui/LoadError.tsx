import { RotateCw } from "lucide-react";
import { toFailure } from "../api/failure";
import { useMessages } from "../i18n";
import { Button } from "./Button";
import { ErrorNotice } from "./ErrorNotice";

/** Shown in place of content that could not be loaded. Offers a retry only if it can help. */
export function LoadError({ error, retry }: { error: unknown; retry: () => unknown }) {
  const t = useMessages();
  const failure = toFailure(error);
  return (
    <div className="mx-auto flex w-full max-w-lg flex-col items-start gap-4 py-8">
      <div className="w-full">
        <ErrorNotice failure={failure} />
      </div>
      {failure.retryable && (
        <Button kind="secondary" onClick={() => retry()}>
          <RotateCw size={18} aria-hidden />
          {t.tryAgain}
        </Button>
      )}
    </div>
  );
}
