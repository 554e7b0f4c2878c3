import { Suspense } from "react";
import { NavLink, Outlet } from "react-router";
import { Loading } from "../../ui/Loading";
import { focusRing } from "../../ui/styles";
import { useMessages } from "./messages";

/** The pages of the user's own account, with a menu at the side (above on a phone). */
export function AccountLayout() {
  const t = useMessages();
  const pages = [
    ["profile", t.profile],
    ["email", t.email],
    ["password", t.password],
    ["sessions", t.sessions],
    ["activity", t.activity],
    ["data", t.data],
  ] as const;
  return (
    <div className="gap-10 md:flex">
      <nav aria-label={t.accountMenu} className="mb-6 md:w-52 md:shrink-0">
        <ul className="flex flex-wrap gap-1 md:flex-col">
          {pages.map(([to, name]) => (
            <li key={to}>
              <NavLink
                to={to}
                className={({ isActive }) =>
                  `block rounded-lg px-3 py-2 text-[0.9375rem] font-medium whitespace-nowrap ${isActive ? "bg-tint text-link" : "text-muted hover:bg-sunken hover:text-text"} ${focusRing}`
                }
              >
                {name}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      <div className="min-w-0 flex-1">
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </div>
    </div>
  );
}
