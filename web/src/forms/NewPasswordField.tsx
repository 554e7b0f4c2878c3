import type { FieldValues, Path } from "react-hook-form";
import { useMessages } from "../i18n";
import { policy } from "../settings";
import { Field } from "./Field";
import { PasswordStrength } from "./PasswordStrength";
import type { ServerForm } from "./useServerForm";

interface Props<T extends FieldValues> {
  form: ServerForm<T>;
  name: Path<T>;
  label: string;
  /** What the password should not be made of. */
  about: string[];
}

/** Where somebody chooses a password, with how good it is. */
export function NewPasswordField<T extends FieldValues>({ form, name, label, about }: Props<T>) {
  const t = useMessages();
  return (
    <Field
      form={form}
      name={name}
      type="password"
      label={label}
      autoComplete="new-password"
      hint={t.passwordHint[policy]}
    >
      <PasswordStrength password={String(form.watch(name) ?? "")} about={about} />
    </Field>
  );
}
