import type { ManagedUser } from "@client/types.gen";
import { useMessages } from "./messages";

/** Shows the role of an account if it is not a plain user, and whether it is unconfirmed or disabled. */
export function UserBadges({ user }: { user: ManagedUser }) {
  const t = useMessages();
  const badge = "rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap";
  return (
    <span className="flex flex-wrap gap-1.5">
      {user.role !== "user" && <span className={`${badge} bg-tint text-link`}>{t.roles[user.role]}</span>}
      {!user.email_verified && <span className={`${badge} bg-warn-tint text-warn`}>{t.unconfirmed}</span>}
      {user.state === "disabled" && <span className={`${badge} bg-danger-tint text-danger`}>{t.disabled}</span>}
    </span>
  );
}
