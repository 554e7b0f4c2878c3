import { Suspense } from "react";
import { Outlet } from "react-router";
import { Brand } from "../ui/Brand";
import { Loading } from "../ui/Loading";
import { Preferences } from "../ui/Preferences";
import { SkipLink } from "../ui/SkipLink";

/** The layout of pages that need no login: one narrow card. */
export function GuestLayout() {
  return (
    <div className="flex min-h-dvh flex-col">
      <SkipLink />
      <header className="flex items-center justify-between px-4 py-3 sm:px-6">
        <Brand />
        <Preferences />
      </header>
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-md flex-1 px-4 pt-4 pb-12 outline-none sm:pt-[8vh]">
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}
