import { Navigate, Outlet, useLocation, useSearchParams } from "react-router";
import { LoadError } from "../ui/LoadError";
import { Loading } from "../ui/Loading";
import { safePath } from "./safePath";
import { useUser } from "./useUser";

/** Pages for people who are logged in. Others log in first, and come back to where they wanted to go. */
export function RequireAuth() {
  const { user, error, retry } = useUser();
  const { pathname, search } = useLocation();
  if (user) return <Outlet />;
  if (user === null) return <Navigate to={`/login?next=${encodeURIComponent(pathname + search)}`} replace />;
  return error ? <LoadError error={error} retry={retry} /> : <Loading />;
}

/** Pages for visitors, such as the login. Who is logged in goes on to where they wanted to go. */
export function GuestsOnly() {
  const { user, error } = useUser();
  const [query] = useSearchParams();
  if (user) return <Navigate to={safePath(query.get("next"))} replace />;
  return user === null || error ? <Outlet /> : <Loading />;
}
