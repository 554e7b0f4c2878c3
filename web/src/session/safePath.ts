/**
 * Where to go after the login. Only a path of this app: an address would let
 * whoever made the link send people who have just logged in to a page of
 * theirs (OWASP: unvalidated redirects). Browsers read //host and /\host as
 * addresses, and drop tabs and line breaks before they look.
 */
export function safePath(path: string | null): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (path === null || !/^\/(?![/\\])[^\x00-\x1f\\]*$/.test(path)) return "/";
  return path;
}
