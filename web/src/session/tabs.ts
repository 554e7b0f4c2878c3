import { getCurrentUserQueryKey } from "@client/@tanstack/react-query.gen";
import type { QueryClient } from "@tanstack/react-query";
import { setUser } from "./useUser";

type Message = "logged-in" | "logged-out";

const channel = new BroadcastChannel("techtreks-session");

/** Sends a message to the other tabs of this browser. */
export function notifyTabs(message: Message): void {
  channel.postMessage(message);
}

/** Applies logins and logouts of other tabs to this one. */
export function followTabs(queries: QueryClient): () => void {
  const receive = ({ data }: MessageEvent<Message>): void => {
    if (data === "logged-out") setUser(queries, null);
    else void queries.invalidateQueries({ queryKey: getCurrentUserQueryKey() });
  };
  channel.addEventListener("message", receive);
  return () => channel.removeEventListener("message", receive);
}
