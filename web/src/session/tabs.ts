import { getCurrentUserQueryKey } from "@client/@tanstack/react-query.gen";
import type { QueryClient } from "@tanstack/react-query";
import { setUser } from "./useUser";

type Message = "logged-in" | "logged-out";

const channel = new BroadcastChannel("techtreks-session");

/** Tells the other tabs. */
export function notifyTabs(message: Message): void {
  channel.postMessage(message);
}

/** Does here what happened in another tab. */
export function followTabs(queries: QueryClient): () => void {
  const heard = ({ data }: MessageEvent<Message>): void => {
    if (data === "logged-out") setUser(queries, null);
    else void queries.invalidateQueries({ queryKey: getCurrentUserQueryKey() });
  };
  channel.addEventListener("message", heard);
  return () => channel.removeEventListener("message", heard);
}
