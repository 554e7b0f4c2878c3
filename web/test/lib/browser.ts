import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

let browser: Promise<Browser> | undefined;

// Debian's Chromium, which needs no download and makes no requests of its own. The headless shell is the
// same browser without windows and settings, and uses a third less CPU.
const fullBrowser = "/usr/bin/chromium";
const headlessShell = "/usr/bin/chromium-headless-shell";

let fullBrowserNeeded = false;

/** For tests that depend on browser settings, such as the one for third-party cookies. */
export function useFullBrowser(): void {
  fullBrowserNeeded = true;
}

const launchOptions = () => ({
  executablePath:
    process.env.CHROMIUM ?? (!fullBrowserNeeded && existsSync(headlessShell) ? headlessShell : fullBrowser),
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
});

export function launch(): Promise<Browser> {
  browser ??= chromium.launch(launchOptions());
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
  fullBrowserNeeded = false; // the next file decides again
}

/**
 * A visitor with their own browser context. Closing it fails the test if there
 * was an error in the console, a missing file or a request to another host.
 */
export class Visitor {
  readonly problems: string[] = [];
  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async open(options: BrowserContextOptions = {}): Promise<Visitor> {
    return await Visitor.#from(await (await launch()).newContext({ locale: "en-GB", ...options }));
  }

  /** Opens a browser that accepts third-party cookies. By default the full browser blocks them, as most do. */
  static async openWithThirdPartyCookies(profile: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    mkdirSync(join(profile, "Default"), { recursive: true });
    writeFileSync(join(profile, "Default/Preferences"), JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
    return await Visitor.#from(
      await chromium.launchPersistentContext(profile, { ...launchOptions(), locale: "en-GB", ...options }),
    );
  }

  static async #from(context: BrowserContext): Promise<Visitor> {
    context.setDefaultTimeout(10_000);
    const visitor = new Visitor(context, await context.newPage());
    context.on("page", (page) => visitor.#watch(page));
    visitor.#watch(visitor.page);
    return visitor;
  }

  #watch(page: Page): void {
    page.on("pageerror", (error) => this.problems.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      // The browser logs every response with an error status; those of the API are expected.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        this.problems.push(`${page.url()}: ${message.text()}`);
      }
    });
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      const local = hostname === "localhost" || hostname.endsWith(".localhost");
      if (protocol.startsWith("http") && !local) this.problems.push(`request to ${request.url()}`);
    });
    // The filter above must not hide missing files.
    page.on("response", (response) => {
      const path = new URL(response.url()).pathname;
      if (response.status() >= 400 && !path.startsWith("/auth/")) this.problems.push(`${response.status()} ${path}`);
    });
  }

  /** Closes the browser, and fails if there were problems. */
  async close(): Promise<void> {
    await this.context.close();
    expect(this.problems).toEqual([]);
  }

  async fill(label: string, text: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).fill(text);
  }

  async press(name: string): Promise<void> {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  async heading(name: string | RegExp): Promise<void> {
    await this.page
      .getByRole("heading", { name, exact: typeof name === "string" })
      .first()
      .waitFor();
  }

  /** Logs in without the form, then opens a page. */
  async loginByRequest(server: { url: string; app: string }, name: string, path = "/"): Promise<void> {
    const response = await this.context.request.post(`${server.url}/auth/login`, {
      data: { username: name, password: testPassword },
    });
    expect(response.status()).toBe(200);
    await this.page.goto(server.app + path);
  }

  async login(app: string, name: string, password = testPassword): Promise<void> {
    await this.page.goto(`${app}/login`);
    await this.fill("Username or email", name);
    await this.fill("Password", password);
    await this.press("Log in");
    await this.heading(`Hello, ${name}`);
  }
}

export const testPassword = "Tr4vel-lighter!";

/** Creates an account without a browser. */
export async function register(url: string, username: string): Promise<void> {
  const response = await fetch(`${url}/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, email: `${username}@example.com`, password: testPassword }),
  });
  expect(response.status).toBe(201);
}
