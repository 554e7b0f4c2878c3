import type { FieldValues } from "react-hook-form";
import { ErrorNotice } from "../ui/ErrorNotice";
import type { ServerForm } from "./useServerForm";

interface FormProps<T extends FieldValues> {
  form: ServerForm<T>;
  children: React.ReactNode;
  /** Says what is wrong instead of the sentence for the code. */
  failed?: React.ReactNode;
}

/** A form whose failure is told above its fields. */
export function Form<T extends FieldValues>({ form, children, failed }: FormProps<T>) {
  return (
    <form onSubmit={form.onSubmit} noValidate className="flex flex-col gap-5">
      {form.failure !== undefined && (failed ?? <ErrorNotice failure={form.failure} />)}
      {children}
    </form>
  );
}
