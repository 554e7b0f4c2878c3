import type { LucideIcon } from "lucide-react";
import { Card } from "./Card";
import { PageTitle } from "./PageTitle";

interface OutcomeProps {
  Icon: LucideIcon;
  bad?: boolean;
  title: string;
  text: React.ReactNode;
  children?: React.ReactNode;
}

/** The result of an action, in place of the page with its form. */
export function Outcome({ Icon, bad = false, title, text, children }: OutcomeProps) {
  return (
    <Card>
      <div className="flex flex-col items-center py-4 text-center" role={bad ? "alert" : "status"}>
        <span
          className={`mb-5 grid size-14 place-items-center rounded-full ${bad ? "bg-danger-tint text-danger" : "bg-good-tint text-good"}`}
        >
          <Icon size={28} aria-hidden />
        </span>
        <PageTitle text={text}>{title}</PageTitle>
        {children}
      </div>
    </Card>
  );
}
