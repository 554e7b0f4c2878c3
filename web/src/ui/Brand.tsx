import { useMessages } from "../i18n";

export function Brand() {
  const t = useMessages();
  return (
    <span className="inline-flex shrink-0 items-center gap-2.5 font-semibold tracking-tight">
      <svg viewBox="0 0 32 32" className="size-8" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="var(--accent)" />
        <path d="M5 24 13 9l4.5 8 2.5-4 7 11Z" fill="#fff" />
      </svg>
      {t.brand}
    </span>
  );
}
