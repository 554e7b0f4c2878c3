import { useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router";

interface LinkState {
  token?: string;
  used?: boolean;
}

/**
 * Returns the token of a mailed link, or undefined if there is none. The link
 * has it behind #, which browsers do not send to servers. The hook moves it
 * from the address bar to the history entry at once: there it survives a
 * reload, but is neither visible nor stored with the address. forget removes a
 * used token, so that going back to the page does not use it again.
 */
export function useLinkToken(): { token: string | undefined; used: boolean; forget: () => void } {
  const { hash, state, pathname } = useLocation();
  const navigate = useNavigate();
  const fromHash = new URLSearchParams(hash.slice(1)).get("token") ?? undefined;
  const stored = state as LinkState | null;
  const [token, setToken] = useState(fromHash ?? stored?.token);
  useEffect(() => {
    if (fromHash === undefined) return;
    setToken(fromHash);
    void navigate(pathname, { replace: true, state: { token: fromHash } });
  }, [fromHash, navigate, pathname]);
  const forget = (): void => void navigate(pathname, { replace: true, state: { used: true } satisfies LinkState });
  return { token: fromHash ?? token, used: stored?.used ?? false, forget };
}
