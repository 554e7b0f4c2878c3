import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:https";
import { extname, join } from "node:path";

/** A TLS proxy for every host below localhost, which browsers resolve to this machine. */
export interface TLSProxy {
  port: number;
  /** Sends requests for a host to a server's URL, or serves a folder with a built app. */
  route(host: string, to: string): void;
  close(): void;
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** Starts the proxy with the self-signed certificate of scripts/test-web.sh. Tests ignore certificate errors. */
export async function startTLSProxy(): Promise<TLSProxy> {
  const folder = process.env.CERTIFICATE;
  if (folder === undefined) throw new Error("CERTIFICATE names no folder; run make test-web");
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => readFileSync(join(folder, name)));
  const routes = new Map<string, string>();
  const server = createServer({ cert, key }, (req, res) => {
    const to = routes.get(req.headers.host?.split(":")[0] ?? "") ?? "";
    if (!to.startsWith("http")) {
      const { pathname } = new URL(req.url ?? "/", "https://localhost");
      // A path without an extension is a page of the app.
      const file = extname(pathname) === "" ? "index.html" : pathname;
      res.setHeader("Content-Type", types[extname(file)] ?? "application/octet-stream");
      res.end(readFileSync(join(to, file)));
      return;
    }
    const headers = { ...req.headers, "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https" };
    const upstream = request(new URL(req.url ?? "/", to), { method: req.method, headers }, (response) => {
      res.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(res);
    });
    upstream.on("error", () => res.writeHead(502).end());
    req.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    route: (host, to) => routes.set(host, to),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
