import { Navigate, Outlet, useLocation, useSearchParams } from "react-router";
import { LoadError } from "../ui/LoadError";
import { Loading } from "../ui/Loading";
import { safePath } from "./safePath";
import { useUser } from "./useUser";

/** Routes that need a login. Visitors are redirected to the login page, and back after it. */
export function RequireAuth() {
  const { user, error, retry } = useUser();
  const { pathname, search } = useLocation();
  if (user) return <Outlet />;
  if (user === null) return <Navigate to={`/login?next=${encodeURIComponent(pathname + search)}`} replace />;
  return error ? <LoadError error={error} retry={retry} /> : <Loading />;
}

/** Routes for visitors, such as the login. With a session, they redirect to the requested page. */
export function GuestsOnly() {
  const { user, error } = useUser();
  const [query] = useSearchParams();
  if (user) return <Navigate to={safePath(query.get("next"))} replace />;
  return user === null || error ? <Outlet /> : <Loading />;
}
