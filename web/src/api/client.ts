import { client } from "@client/client.gen";
import { MutationCache, QueryClient } from "@tanstack/react-query";
import { currentLocale } from "../i18n/locale";
import { Failure, failureFrom } from "./failure";
import { type ReauthKind, requestReauth } from "./reauth";

/** Longer than the server's own time limit for a request. */
const timeout = 20_000;

/** Sends a request once, without reauthentication. */
export async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  // The server sends mails in this language; browsers let pages set the header.
  request.headers.set("Accept-Language", currentLocale());
  return await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]) });
}

/**
 * Sends a request. If the server requires a login or the password first, a
 * dialog asks the user once, however many requests are waiting. The request is
 * then repeated, so that no input is lost.
 */
async function sendWithReauth(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const retry = request.clone();
  const response = await send(request);
  const required = await requiredReauth(response);
  return required !== undefined && (await requestReauth(required)) ? await send(retry) : response;
}

async function requiredReauth(response: Response): Promise<ReauthKind | undefined> {
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
  fetch: sendWithReauth,
});
client.interceptors.error.use((error, response) => failureFrom(error, response));

export const queryClient = new QueryClient({
  mutationCache: new MutationCache(),
  defaultOptions: {
    queries: {
      // Send requests even if the browser reports no network: only a request shows that the server is back.
      networkMode: "always",
      retry: (count, error) => count < 1 && error instanceof Failure && error.status >= 500,
      retryDelay: 500,
      staleTime: 10_000,
    },
    mutations: { networkMode: "always" },
  },
});
