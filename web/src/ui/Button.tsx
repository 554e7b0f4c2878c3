import { useMessages } from "../i18n";
import { Spinner } from "./Loading";
import { focusRing } from "./styles";

const kinds = {
  primary: "bg-accent text-white hover:bg-accent-strong",
  secondary: "border border-line bg-card text-text hover:border-field hover:bg-sunken",
  danger: "bg-danger-fill text-white hover:brightness-110",
  quiet: "text-muted hover:bg-sunken hover:text-text",
};

/** The style of a button, also for links that look like one. */
export function buttonStyle(kind: keyof typeof kinds): string {
  return `relative inline-flex min-h-11 cursor-pointer items-center justify-center gap-2 rounded-lg px-4 py-2 text-[0.9375rem] font-medium transition-colors active:translate-y-px aria-disabled:cursor-default aria-disabled:opacity-70 ${kinds[kind]} ${focusRing}`;
}

interface ButtonProps {
  kind?: keyof typeof kinds;
  wide?: boolean;
  type?: "button" | "submit";
  /** Whether its action is in progress. */
  isPending?: boolean;
  onClick?: () => void;
  "aria-label"?: string;
  children: React.ReactNode;
}

/** A button. While its action is in progress, it keeps its size and focus, and ignores clicks. */
export function Button({ kind = "primary", wide, type = "button", isPending = false, onClick, ...rest }: ButtonProps) {
  const t = useMessages();
  return (
    <button
      type={type}
      aria-label={rest["aria-label"]}
      aria-disabled={isPending || undefined}
      aria-busy={isPending || undefined}
      onClick={(event) => {
        if (isPending) event.preventDefault();
        else onClick?.();
      }}
      className={`${buttonStyle(kind)} ${wide ? "w-full" : ""}`}
    >
      <span className={`inline-flex min-w-0 items-center gap-2 ${isPending ? "opacity-0" : ""}`}>{rest.children}</span>
      {isPending && (
        <span className="absolute inset-0 grid place-items-center">
          <Spinner label={t.loading} />
        </span>
      )}
    </button>
  );
}
