interface DescriptionListProps {
  items: readonly (readonly [name: string, value: string])[];
}

/** Names with their values. */
export function DescriptionList({ items }: DescriptionListProps) {
  return (
    <dl className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
      {items.map(([name, value]) => (
        <div key={name} className="min-w-0">
          <dt className="text-sm text-muted">{name}</dt>
          <dd className="font-medium break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
