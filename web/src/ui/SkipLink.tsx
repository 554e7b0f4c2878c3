import { useMessages } from "../i18n";

/** The first thing the keyboard reaches. */
export function SkipLink() {
  const t = useMessages();
  return (
    // Not a link to #main: what is behind # is for the tokens of mails.
    <button
      type="button"
      onClick={() => document.getElementById("main")?.focus()}
      className="absolute left-4 z-40 -translate-y-20 rounded-b-lg bg-accent px-4 py-2 font-medium text-white focus:translate-y-0"
    >
      {t.skip}
    </button>
  );
}
