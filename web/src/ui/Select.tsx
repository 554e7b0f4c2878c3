import { ChevronDown } from "lucide-react";
import { focusRing } from "./styles";

interface SelectProps<T extends string> {
  label: string;
  options: readonly (readonly [value: T, name: string])[];
  value: T;
  onChange: (value: T) => void;
}

/** A native select, which phones show in their own way, styled like the other fields. */
export function Select<T extends string>({ label, options, value, onChange }: SelectProps<T>) {
  return (
    <label className="flex max-w-sm flex-col gap-1.5 text-sm font-medium">
      {label}
      <span className="relative">
        <select
          value={value}
          onChange={(event) => onChange(event.target.value as T)}
          className={`h-11 w-full cursor-pointer appearance-none truncate rounded-lg border border-field bg-card pr-10 pl-3 text-base font-normal transition-colors hover:border-muted ${focusRing}`}
        >
          {options.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <ChevronDown
          size={18}
          className="pointer-events-none absolute inset-y-0 right-3 my-auto text-muted"
          aria-hidden
        />
      </span>
    </label>
  );
}
