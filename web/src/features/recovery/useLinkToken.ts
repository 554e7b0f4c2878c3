import { useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router";

interface Kept {
  token?: string;
  used?: boolean;
}

/**
 * The token of a mailed link. It comes behind #, which browsers send to nobody,
 * and moves from the address bar to the history entry at once: there it
 * survives a reload, and is neither seen on the screen nor kept with the
 * address. Undefined when there is none. Once it is used it is forgotten, so
 * that nobody who comes back to the page uses it again.
 */
export function useLinkToken(): { token: string | undefined; used: boolean; forget: () => void } {
  const { hash, state, pathname } = useLocation();
  const navigate = useNavigate();
  const found = new URLSearchParams(hash.slice(1)).get("token") ?? undefined;
  const kept = state as Kept | null;
  const [token, setToken] = useState(found ?? kept?.token);
  useEffect(() => {
    if (found === undefined) return;
    setToken(found);
    void navigate(pathname, { replace: true, state: { token: found } });
  }, [found, navigate, pathname]);
  const forget = (): void => void navigate(pathname, { replace: true, state: { used: true } satisfies Kept });
  return { token: found ?? token, used: kept?.used ?? false, forget };
}
