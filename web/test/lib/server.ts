import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mailbox } from "./mailbox";

export const root = join(import.meta.dirname, "../../..");

/** Returns the path of the program under test, which contains the app. */
function programPath(): string {
  const path = process.env.TECHTREKS;
  if (path === undefined) throw new Error("TECHTREKS must be the path of the program; run make test-web");
  return path;
}

export interface TestServer {
  url: string;
  app: string;
  mailbox: Mailbox;
  /** Executes SQL on the database of the server. */
  sql(statement: string): void;
  /** Stops the server and deletes its files. */
  stop(): Promise<void>;
}

/** Starts a server with SQLite in a temporary folder and mail to a mailbox. */
export async function startServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "techtreks-"));
  const mailbox = await Mailbox.open();
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const running = spawn(programPath(), ["serve"], {
    cwd: folder,
    env: {
      ...process.env,
      PORT: String(port),
      WEB: "true",
      RATE_LIMITS: "off",
      MAIL_URL: mailbox.url,
      LOG_LEVEL: "warn",
      VERIFY_RESPONSES: "true",
      SECRET_KEY: "a secret key that only the tests use",
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  running.stdout.on("data", (chunk) => (output += chunk));
  running.stderr.on("data", (chunk) => (output += chunk));
  for (let tries = 0; !(await responds(`${url}/readyz`)); tries++) {
    if (running.exitCode !== null || tries > 200) throw new Error(`the server did not start: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    app: `${url}/app`,
    mailbox,
    sql: (statement) => {
      execFileSync("python3", ["-c", runSQL, join(folder, "instance/techtreks.db"), statement]);
    },
    async stop() {
      await new Promise((resolve) => running.once("exit", resolve).kill("SIGINT"));
      mailbox.close();
      rmSync(folder, { recursive: true, force: true });
      if (output.includes("answer breaks the contract")) throw new Error(`the server logged: ${output}`);
    },
  };
}

const runSQL =
  "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], timeout=10); c.executescript(sys.argv[2]); c.commit()";

async function responds(url: string): Promise<boolean> {
  return await fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
