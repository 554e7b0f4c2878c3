import { useMessages } from "../i18n";

/** The first element in the tab order: skips the header. */
export function SkipLink() {
  const t = useMessages();
  return (
    // Not a link to #main, because the part after # is reserved for tokens of mailed links.
    <button
      type="button"
      onClick={() => document.getElementById("main")?.focus()}
      className="absolute left-4 z-40 -translate-y-20 rounded-b-lg bg-accent px-4 py-2 font-medium text-white focus:translate-y-0"
    >
      {t.skip}
    </button>
  );
}
