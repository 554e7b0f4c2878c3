interface CardProps {
  title?: string;
  text?: React.ReactNode;
  children?: React.ReactNode;
}

/** A section of a page, with a border. */
export function Card({ title, text, children }: CardProps) {
  return (
    <section className="rounded-2xl border border-line bg-card p-5 shadow-sm sm:p-7">
      {title !== undefined && <h2>{title}</h2>}
      {text !== undefined && <p className="mt-1 text-[0.9375rem] text-muted">{text}</p>}
      {children !== undefined && (
        <div className={title === undefined && text === undefined ? "" : "mt-5"}>{children}</div>
      )}
    </section>
  );
}
