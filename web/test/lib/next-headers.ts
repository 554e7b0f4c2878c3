// A fake of next/headers, with the part that docs/frontend.md uses (Next.js 15: cookies() is a promise).

let header = "";

/** Sets the Cookie header of the request. */
export function setRequestCookies(cookie: string): void {
  header = cookie;
}

export async function cookies(): Promise<{ toString(): string }> {
  return await Promise.resolve({ toString: () => header });
}
