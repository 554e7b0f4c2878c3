import type { FieldValues, Path } from "react-hook-form";
import { useMessages } from "../i18n";
import { passwordPolicy } from "../settings";
import { Field } from "./Field";
import { PasswordStrength } from "./PasswordStrength";
import type { ServerForm } from "./useServerForm";

interface Props<T extends FieldValues> {
  form: ServerForm<T>;
  name: Path<T>;
  label: string;
  /** Words that make a password easy to guess, such as the username. */
  userInputs: string[];
}

/** A field for a new password, with its strength. */
export function NewPasswordField<T extends FieldValues>({ form, name, label, userInputs }: Props<T>) {
  const t = useMessages();
  // A rejected password must not be called strong.
  const rejected = form.getFieldState(name, form.formState).error !== undefined;
  return (
    <Field
      form={form}
      name={name}
      type="password"
      label={label}
      autoComplete="new-password"
      hint={t.passwordHint[passwordPolicy]}
    >
      <PasswordStrength password={rejected ? "" : String(form.watch(name) ?? "")} userInputs={userInputs} />
    </Field>
  );
}
