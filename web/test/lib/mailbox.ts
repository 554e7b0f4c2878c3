import { createServer, type Server, type Socket } from "node:net";

interface Mail {
  to: string;
  text: string;
}

/** An SMTP server that accepts every mail and delivers none. */
export class Mailbox {
  readonly mails: Mail[] = [];
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Mailbox> {
    const server = createServer();
    const mailbox = new Mailbox(server);
    server.on("connection", (socket) => mailbox.#serve(socket));
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

  /** Waits for a mail to an address with a link to a page, and returns the link of the newest one. */
  async link(to: string, page: string): Promise<string> {
    for (;;) {
      const links = this.mails
        .filter((mail) => mail.to === to)
        .map((mail) => new RegExp(`https?://\\S*${page}#token=[\\w-]+`).exec(mail.text)?.[0])
        .filter((link) => link !== undefined);
      const newest = links.at(-1);
      if (newest !== undefined) return newest;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The part of RFC 5321 that a well-behaved client needs. */
  #serve(socket: Socket): void {
    const reply = (line: string): boolean => socket.write(`${line}\r\n`);
    let input = "";
    let to = "";
    let data: string[] | undefined;
    reply("220 mailbox");
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
          this.mails.push({ to, text: decodeQuotedPrintable(data.join("\r\n")) });
          data = undefined;
          reply("250 ok");
          for (const notify of this.#waiting.splice(0)) notify();
          continue;
        }
        const verb = line.slice(0, 4).toUpperCase();
        if (verb === "EHLO") reply("250 mailbox");
        else if (verb === "RCPT") {
          to = /<(.*?)>/.exec(line)?.[1] ?? "";
          reply("250 ok");
        } else if (verb === "DATA") {
          data = [];
          reply("354 send the mail");
        } else if (verb === "QUIT") socket.end("221 bye\r\n");
        else reply("250 ok");
      }
    });
  }
}

/** Decodes quoted-printable. */
function decodeQuotedPrintable(text: string): string {
  return text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
