import { useEffect, useState } from "react";
import type { Failure } from "../api/failure";
import { errorMessage, useLocale, useMessages } from "../i18n";
import { Notice } from "./Notice";
import { formatWait } from "./time";

/** The sentence for a failure, the time until a retry is allowed, and the reference for support. */
export function ErrorNotice({ failure, children }: { failure: Failure; children?: React.ReactNode }) {
  const t = useMessages();
  const locale = useLocale();
  const seconds = useSecondsUntil(failure.retryAt);
  return (
    <Notice kind="bad">
      <p>{errorMessage(t, failure.code)}</p>
      {/* Not announced: the text changes every second. */}
      {seconds > 0 && <p aria-live="off">{t.retryIn(formatWait(locale, seconds))}</p>}
      {failure.status >= 500 && failure.request_id !== undefined && (
        <p className="mt-1 text-sm break-all">{t.requestID(failure.request_id)}</p>
      )}
      {children}
    </Notice>
  );
}

function useSecondsUntil(time: number | undefined): number {
  const left = (): number => (time === undefined ? 0 : Math.max(0, Math.ceil((time - Date.now()) / 1000)));
  const [seconds, setSeconds] = useState(left);
  // biome-ignore lint/correctness/useExhaustiveDependencies: left reads nothing but time
  useEffect(() => {
    setSeconds(left());
    if (time === undefined) return;
    const timer = setInterval(() => setSeconds(left()), 1000);
    return () => clearInterval(timer);
  }, [time]);
  return seconds;
}
