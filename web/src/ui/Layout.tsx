import { LogOut } from "lucide-react";
import { Suspense } from "react";
import { NavLink, Outlet } from "react-router";
import { useMessages } from "../i18n";
import { useLogout } from "../session/useLogout";
import { useUser } from "../session/useUser";
import { Action } from "./Action";
import { Brand } from "./Brand";
import { Loading } from "./Loading";
import { Notice } from "./Notice";
import { Settings } from "./Settings";
import { SkipLink } from "./SkipLink";
import { focusRing } from "./styles";
import { useOnline } from "./useOnline";

/** Around the pages of people who are logged in. */
export function Layout() {
  const t = useMessages();
  const { user } = useUser();
  const online = useOnline();
  const logout = useLogout();
  const pages = [
    { to: "/", name: t.dashboard },
    { to: "/account", name: t.account },
    ...(user && user.role !== "user" ? [{ to: "/admin", name: t.administration }] : []),
  ];
  return (
    <div className="flex min-h-dvh flex-col">
      <SkipLink />
      <header className="sticky top-0 z-30 border-b border-line bg-card/85 backdrop-blur-md">
        <div className="mx-auto flex max-w-5xl flex-wrap items-center gap-x-2 px-4 sm:px-6">
          <div className="py-3">
            <Brand />
          </div>
          <nav aria-label={t.main} className="order-last flex w-full gap-1 sm:order-none sm:ml-4 sm:w-auto">
            {pages.map(({ to, name }) => (
              <NavLink
                key={to}
                to={to}
                end={to === "/"}
                className={({ isActive }) =>
                  `border-b-2 px-3 py-2.5 text-[0.9375rem] font-medium sm:py-4.5 ${isActive ? "border-link text-text" : "border-transparent text-muted hover:text-text"} ${focusRing}`
                }
              >
                {name}
              </NavLink>
            ))}
          </nav>
          <div className="ml-auto flex items-center">
            <span className="mr-2 hidden max-w-48 truncate text-[0.9375rem] text-muted md:inline">
              {user?.username}
            </span>
            <Settings />
            <Action kind="quiet" onClick={() => logout.mutate()} isPending={logout.isPending} aria-label={t.logout}>
              <LogOut size={20} aria-hidden />
              <span className="hidden sm:inline">{t.logout}</span>
            </Action>
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-5xl flex-1 px-4 py-6 outline-none sm:px-6 sm:py-10">
        {!online && (
          <div className="mb-6">
            <Notice kind="warn">{t.offline}</Notice>
          </div>
        )}
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}
