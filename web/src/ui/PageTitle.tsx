import { useEffect, useRef } from "react";
import { useMessages } from "../i18n";

/**
 * The heading of a page, and the title of its tab. It takes the focus when the
 * page opens, so that the tab order starts at the top as in a new document. A
 * field that already has the focus keeps it.
 */
export function PageTitle({ children, text }: { children: string; text?: React.ReactNode }) {
  const t = useMessages();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${children} · ${t.brand}`;
  }, [children, t]);
  useEffect(() => {
    if (document.activeElement === null || document.activeElement === document.body) {
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <div className="mb-6">
      <h1 ref={heading} tabIndex={-1} className="outline-none">
        {children}
      </h1>
      {text !== undefined && <p className="mt-1.5 text-muted">{text}</p>}
    </div>
  );
}
