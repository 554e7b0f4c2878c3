/** The ring around the element with the keyboard focus. */
export const focusRing =
  "outline-none focus-visible:ring-2 focus-visible:ring-link focus-visible:ring-offset-2 focus-visible:ring-offset-page";

export const linkStyle = `rounded-sm font-medium text-link underline-offset-4 hover:underline ${focusRing}`;
