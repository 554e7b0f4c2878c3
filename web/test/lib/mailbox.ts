import { createServer, type Server, type Socket } from "node:net";

interface Mail {
  to: string;
  text: string;
}

/** A mail server that takes everything and sends nothing on. */
export class Mailbox {
  readonly mails: Mail[] = [];
  readonly #server: Server;
  #arrived: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Mailbox> {
    const server = createServer();
    const mailbox = new Mailbox(server);
    server.on("connection", (socket) => mailbox.#converse(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return mailbox;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the mail server has no port");
    return `smtp://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
  }

  /** The link in the newest mail to an address that leads to a page. Waits for it. */
  async link(to: string, page: string): Promise<string> {
    for (;;) {
      const links = this.mails
        .filter((mail) => mail.to === to)
        .map((mail) => new RegExp(`https?://\\S*${page}#token=[\\w-]+`).exec(mail.text)?.[0])
        .filter((link) => link !== undefined);
      const newest = links.at(-1);
      if (newest !== undefined) return newest;
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  /** As much of RFC 5321 as a polite client needs. */
  #converse(socket: Socket): void {
    const say = (line: string): boolean => socket.write(`${line}\r\n`);
    let input = "";
    let to = "";
    let data: string[] | undefined;
    say("220 mailbox");
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      input += chunk.toString("utf8");
      const lines = input.split("\r\n");
      input = lines.pop() ?? "";
      for (const line of lines) {
        if (data !== undefined) {
          if (line !== ".") {
            data.push(line.replace(/^\./, ""));
            continue;
          }
          this.mails.push({ to, text: unquoted(data.join("\r\n")) });
          data = undefined;
          say("250 taken");
          for (const tell of this.#arrived.splice(0)) tell();
          continue;
        }
        const verb = line.slice(0, 4).toUpperCase();
        if (verb === "EHLO") say("250 mailbox");
        else if (verb === "RCPT") {
          to = /<(.*?)>/.exec(line)?.[1] ?? "";
          say("250 ok");
        } else if (verb === "DATA") {
          data = [];
          say("354 go on");
        } else if (verb === "QUIT") socket.end("221 bye\r\n");
        else say("250 ok");
      }
    });
  }
}

/** Undoes quoted-printable. */
function unquoted(text: string): string {
  return text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
