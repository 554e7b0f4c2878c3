import { client } from "@client/client.gen";
import { MutationCache, QueryClient } from "@tanstack/react-query";
import { currentLocale } from "../i18n/locale";
import { ask } from "../session/ask";
import { Failure, failureFrom } from "./failure";

/** Longer than the server works on a request. */
const patience = 20_000;

/** Sends a request, and nothing more. */
export async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  // The language of mails; browsers let pages set it.
  request.headers.set("Accept-Language", currentLocale());
  return await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(patience)]) });
}

/**
 * Sends a request. When the server wants a login or the password first, the
 * person is asked once, however many requests are waiting, and the request is
 * repeated, so that nothing that was typed is lost.
 */
async function sendAsking(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const again = request.clone();
  const response = await send(request);
  const wanted = await wants(response);
  return wanted !== undefined && (await ask(wanted)) ? await send(again) : response;
}

async function wants(response: Response): Promise<"login" | "password" | undefined> {
  if (response.status !== 401 && response.status !== 403) return undefined;
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  switch (failureFrom(body, response).code) {
    case "login_required":
      return "login";
    case "reauth_required":
      return "password";
    default:
      return undefined;
  }
}

client.setConfig({
  baseUrl: import.meta.env.VITE_API_URL ?? (import.meta.env.DEV ? "http://localhost:5001" : ""),
  credentials: "include",
  fetch: sendAsking,
});
client.interceptors.error.use((error, response) => failureFrom(error, response));

export const queryClient = new QueryClient({
  mutationCache: new MutationCache(),
  defaultOptions: {
    queries: {
      // Asking a server that cannot be reached is how one learns that it can be again.
      networkMode: "always",
      retry: (count, error) => count < 1 && error instanceof Failure && error.status >= 500,
      retryDelay: 500,
      staleTime: 10_000,
    },
    mutations: { networkMode: "always" },
  },
});
