import { CircleAlert, CircleCheck, Info, type LucideIcon, TriangleAlert } from "lucide-react";

const kinds: Record<string, { style: string; Icon: LucideIcon }> = {
  good: { style: "bg-good-tint text-good", Icon: CircleCheck },
  bad: { style: "bg-danger-tint text-danger", Icon: CircleAlert },
  warn: { style: "bg-warn-tint text-warn", Icon: TriangleAlert },
  info: { style: "bg-tint text-link", Icon: Info },
};

/** A message in the page. Screen readers announce it when it appears. */
export function Notice({ kind, children }: { kind: "good" | "bad" | "warn" | "info"; children: React.ReactNode }) {
  const { style, Icon } = kinds[kind] as (typeof kinds)[string];
  return (
    <div
      role={kind === "bad" ? "alert" : "status"}
      className={`flex gap-3 rounded-lg px-4 py-3 text-[0.9375rem] ${style}`}
    >
      <Icon size={20} className="mt-0.5 shrink-0" aria-hidden />
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}
