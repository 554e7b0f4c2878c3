// Stands for next/headers, as far as docs/frontend.md uses it (Next.js 15: cookies() is a promise).

let sent = "";

/** What the browser of the visitor sends. */
export function visitorSends(cookie: string): void {
  sent = cookie;
}

export async function cookies(): Promise<{ toString(): string }> {
  return await Promise.resolve({ toString: () => sent });
}
