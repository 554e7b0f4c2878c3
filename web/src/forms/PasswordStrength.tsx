import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { useMessages } from "../i18n";

const colors = ["bg-danger", "bg-danger", "bg-warn", "bg-good", "bg-good"];

/** Shows how hard a password is to guess. It is estimated in the browser; the password is not sent anywhere. */
export function PasswordStrength({ password, userInputs }: { password: string; userInputs: string[] }) {
  const t = useMessages();
  const typed = useDeferredValue(password);
  // The dictionaries are large, so they are loaded when the user starts to type.
  const { data: estimateStrength } = useQuery({
    queryKey: ["strength"],
    queryFn: async () => (await import("./estimateStrength")).estimateStrength,
    enabled: typed !== "",
    staleTime: Number.POSITIVE_INFINITY,
    networkMode: "always",
  });
  const score = typed === "" || estimateStrength === undefined ? undefined : estimateStrength(typed, userInputs);
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
