import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

let browser: Promise<Browser> | undefined;

// Debian's own Chromium: nothing is downloaded, and it calls nobody. The shell is the same
// browser without its windows and settings, and takes a third less of the processor.
const whole = "/usr/bin/chromium";
const shell = "/usr/bin/chromium-headless-shell";

let wholeIsNeeded = false;

/** For tests of what the settings of a browser say: which cookies of other sites it takes. */
export function useWholeBrowser(): void {
  wholeIsNeeded = true;
}

const program = () => ({
  executablePath: process.env.CHROMIUM ?? (!wholeIsNeeded && existsSync(shell) ? shell : whole),
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
});

export function launch(): Promise<Browser> {
  browser ??= chromium.launch(program());
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
  wholeIsNeeded = false; // by the next file
}

/**
 * A person with a browser of their own. Whatever the test is about, it fails
 * on an error in the console, and on a request to a host that is not ours.
 */
export class Person {
  readonly faults: string[] = [];
  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async arrive(options: BrowserContextOptions = {}): Promise<Person> {
    return await Person.#at(await (await launch()).newContext({ locale: "en-GB", ...options }));
  }

  /** Somebody whose browser takes cookies of other sites. By itself the whole one blocks them, as most do by now. */
  static async arriveWithThirdPartyCookies(profile: string, options: BrowserContextOptions = {}): Promise<Person> {
    mkdirSync(join(profile, "Default"), { recursive: true });
    writeFileSync(join(profile, "Default/Preferences"), JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
    return await Person.#at(
      await chromium.launchPersistentContext(profile, { ...program(), locale: "en-GB", ...options }),
    );
  }

  static async #at(context: BrowserContext): Promise<Person> {
    context.setDefaultTimeout(10_000);
    const person = new Person(context, await context.newPage());
    context.on("page", (page) => person.#watch(page));
    person.#watch(person.page);
    return person;
  }

  #watch(page: Page): void {
    page.on("pageerror", (error) => this.faults.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      // The browser's own note about an answer that is not a success.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        this.faults.push(`${page.url()}: ${message.text()}`);
      }
    });
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      const ours = hostname === "localhost" || hostname.endsWith(".localhost");
      if (protocol.startsWith("http") && !ours) this.faults.push(`asks ${request.url()}`);
    });
    // What the filter above lets pass for answers of the API must not hide a file that is not there.
    page.on("response", (response) => {
      const path = new URL(response.url()).pathname;
      if (response.status() >= 400 && !path.startsWith("/auth/")) this.faults.push(`${response.status()} ${path}`);
    });
  }

  /** Ends the visit; fails if anything went wrong on the way. */
  async leave(): Promise<void> {
    await this.context.close();
    expect(this.faults).toEqual([]);
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

  /** Logs in without the form, which has its own tests. */
  async enter(server: { url: string; app: string }, name: string, path = "/"): Promise<void> {
    const response = await this.context.request.post(`${server.url}/auth/login`, {
      data: { username: name, password: secret },
    });
    expect(response.status()).toBe(200);
    await this.page.goto(server.app + path);
  }

  async login(app: string, name: string, password = secret): Promise<void> {
    await this.page.goto(`${app}/login`);
    await this.fill("User name or e-mail address", name);
    await this.fill("Password", password);
    await this.press("Log in");
    await this.heading(`Hello, ${name}`);
  }
}

export const secret = "Tr4vel-lighter!";

/** Makes an account without a browser. */
export async function register(url: string, username: string): Promise<void> {
  const response = await fetch(`${url}/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, email: `${username}@example.com`, password: secret }),
  });
  expect(response.status).toBe(201);
}
