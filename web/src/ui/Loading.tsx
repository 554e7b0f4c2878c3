import { LoaderCircle } from "lucide-react";
import { useMessages } from "../i18n";

export function Spinner({ label }: { label: string }) {
  return (
    <span role="progressbar" aria-label={label} className="grid place-items-center">
      <LoaderCircle className="animate-spin" size={20} aria-hidden />
    </span>
  );
}

/** Shown while a page loads. It appears after a delay, so that fast pages do not flicker. */
export function Loading() {
  const t = useMessages();
  return (
    <div className="delayed grid min-h-60 place-items-center text-muted">
      <Spinner label={t.loading} />
    </div>
  );
}
