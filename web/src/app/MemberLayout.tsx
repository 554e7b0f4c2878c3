import { LogOut } from "lucide-react";
import { Suspense } from "react";
import { NavLink, Outlet } from "react-router";
import { useMessages } from "../i18n";
import { useLogout } from "../session/useLogout";
import { useUser } from "../session/useUser";
import { Brand } from "../ui/Brand";
import { Button } from "../ui/Button";
import { Loading } from "../ui/Loading";
import { Notice } from "../ui/Notice";
import { Preferences } from "../ui/Preferences";
import { SkipLink } from "../ui/SkipLink";
import { focusRing } from "../ui/styles";
import { useOnline } from "../ui/useOnline";

/** The layout of pages that need a login. */
export function MemberLayout() {
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
        <div className="mx-auto flex max-w-5xl flex-wrap items-center gap-x-2 px-4 pt-2.5 sm:pt-0 sm:px-6">
          <Brand />
          <nav
            aria-label={t.mainMenu}
            className="order-last -mx-2.5 flex w-full sm:gap-1 sm:order-none sm:mx-0 sm:ml-4 sm:w-auto"
          >
            {pages.map(({ to, name }) => (
              <NavLink
                key={to}
                to={to}
                end={to === "/"}
                className={({ isActive }) =>
                  `-mb-px border-b-2 px-2.5 py-2.5 text-[0.9375rem] font-medium sm:px-3 sm:py-4.5 ${isActive ? "border-link text-text" : "border-transparent text-muted hover:text-text"} ${focusRing}`
                }
              >
                {name}
              </NavLink>
            ))}
          </nav>
          <div className="-mr-3 ml-auto flex min-w-0 flex-1 items-center justify-end sm:-mr-4">
            <span className="mr-1 max-w-48 truncate text-[0.9375rem] text-muted" title={user?.username}>
              {user?.username}
            </span>
            <Preferences />
            <Button kind="quiet" onClick={() => logout.mutate()} isPending={logout.isPending} aria-label={t.logout}>
              <LogOut size={20} aria-hidden />
              <span className="hidden sm:inline">{t.logout}</span>
            </Button>
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
