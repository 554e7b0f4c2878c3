import { Suspense } from "react";
import { Outlet } from "react-router";
import { Brand } from "./Brand";
import { Loading } from "./Loading";
import { Settings } from "./Settings";
import { SkipLink } from "./SkipLink";

/** Around the pages that need no login: one narrow card. */
export function GuestLayout() {
  return (
    <div className="flex min-h-dvh flex-col">
      <SkipLink />
      <header className="flex items-center justify-between px-4 py-3 sm:px-6">
        <Brand />
        <Settings />
      </header>
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-md flex-1 px-4 pt-4 pb-12 outline-none sm:pt-[8vh]">
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}
