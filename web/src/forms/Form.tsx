import type { FieldValues } from "react-hook-form";
import { ErrorNotice } from "../ui/ErrorNotice";
import type { ServerForm } from "./useServerForm";

interface FormProps<T extends FieldValues> {
  form: ServerForm<T>;
  children: React.ReactNode;
  /** Replaces the sentence for the error code. */
  error?: React.ReactNode;
}

/** A form that shows its failure above its fields. */
export function Form<T extends FieldValues>({ form, children, error }: FormProps<T>) {
  return (
    <form onSubmit={form.onSubmit} noValidate className="flex flex-col gap-5">
      {form.failure !== undefined && (error ?? <ErrorNotice failure={form.failure} />)}
      {children}
    </form>
  );
}
