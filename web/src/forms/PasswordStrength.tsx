import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { useMessages } from "../i18n";

const colors = ["bg-danger", "bg-danger", "bg-warn", "bg-good", "bg-good"];

/** How hard a password is to guess. Found out here in the browser; the password is sent to nobody. */
export function PasswordStrength({ password, about }: { password: string; about: string[] }) {
  const t = useMessages();
  const typed = useDeferredValue(password);
  // The dictionaries are large, so they come when somebody begins to type.
  const { data: estimateStrength } = useQuery({
    queryKey: ["strength"],
    queryFn: async () => (await import("./estimateStrength")).estimateStrength,
    enabled: typed !== "",
    staleTime: Number.POSITIVE_INFINITY,
    networkMode: "always",
  });
  const score = typed === "" || estimateStrength === undefined ? undefined : estimateStrength(typed, about);
  const word = score === undefined ? "" : t.strengths[score];
  return (
    <div className="flex items-center gap-3 text-sm">
      <div className="flex flex-1 gap-1" aria-hidden>
        {[1, 2, 3, 4].map((step) => (
          <span
            key={step}
            className={`h-1.5 flex-1 rounded-full transition-colors ${score !== undefined && (step <= score || step === 1) ? colors[score] : "bg-line"}`}
          />
        ))}
      </div>
      <output className="min-w-24 text-right text-muted">
        <span className="sr-only">{word && `${t.strength}: `}</span>
        {word}
      </output>
    </div>
  );
}
