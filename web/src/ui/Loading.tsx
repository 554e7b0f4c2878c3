import { LoaderCircle } from "lucide-react";
import { useMessages } from "../i18n";

export function Spinner({ label }: { label: string }) {
  return (
    <span role="progressbar" aria-label={label} className="grid place-items-center">
      <LoaderCircle className="animate-spin" size={20} aria-hidden />
    </span>
  );
}

/** Stands where a page will be. What comes at once is not announced, so nothing flickers. */
export function Loading() {
  const t = useMessages();
  return (
    <div className="late grid min-h-60 place-items-center text-muted">
      <Spinner label={t.loading} />
    </div>
  );
}
