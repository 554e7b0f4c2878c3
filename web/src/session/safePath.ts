/**
 * Returns the path to open after a login, or / if it is not a path of this
 * app. A full URL would let the author of a link send users who have just
 * logged in to another site (OWASP: unvalidated redirects). Browsers parse
 * //host and /\host as URLs, and remove tabs and line breaks before that.
 */
export function safePath(path: string | null): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects them
  if (path === null || !/^\/(?![/\\])[^\x00-\x1f\\]*$/.test(path)) return "/";
  return path;
}
