import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { FieldError, Input, Label, Text, TextField } from "react-aria-components";
import { Controller, type FieldValues, type Path } from "react-hook-form";
import { fieldMessage, useMessages } from "../i18n";
import { focusRing } from "../ui/styles";
import type { ServerForm } from "./useServerForm";

interface FieldProps<T extends FieldValues> {
  form: ServerForm<T>;
  name: Path<T>;
  label: string;
  /** The autofill field name of the HTML standard, for browsers and password managers. */
  autoComplete: string;
  type?: "text" | "email" | "password";
  hint?: string;
  autoFocus?: boolean;
  /** Shown below the field. */
  children?: React.ReactNode;
}

/** A labelled text field with its error. A password can be made visible. */
export function Field<T extends FieldValues>({ form, name, label, type = "text", hint, ...rest }: FieldProps<T>) {
  const t = useMessages();
  const [visible, setVisible] = useState(false);
  const { autoComplete, autoFocus, children } = rest;
  const password = type === "password";
  return (
    <Controller
      control={form.control}
      name={name}
      render={({ field, fieldState: { error } }) => (
        <TextField
          type={password && visible ? "text" : type}
          name={field.name}
          value={field.value ?? ""}
          onChange={field.onChange}
          onBlur={field.onBlur}
          autoComplete={autoComplete}
          autoFocus={autoFocus}
          isInvalid={error !== undefined}
          validationBehavior="aria"
          spellCheck="false"
          className="flex flex-col gap-1.5"
        >
          <Label className="text-sm font-medium">{label}</Label>
          <div className="relative">
            <Input
              ref={field.ref}
              autoCapitalize="none"
              className={`h-11 w-full rounded-lg border border-field bg-card px-3 text-base text-text transition-colors data-hovered:border-muted data-invalid:border-danger ${password ? "pr-12" : ""} ${focusRing}`}
            />
            {password && (
              <button
                type="button"
                onClick={() => setVisible(!visible)}
                aria-label={visible ? t.hidePassword : t.showPassword}
                className={`absolute inset-y-1 right-1 grid w-10 cursor-pointer place-items-center rounded-md text-muted hover:text-text ${focusRing}`}
              >
                {visible ? <EyeOff size={18} aria-hidden /> : <Eye size={18} aria-hidden />}
              </button>
            )}
          </div>
          {hint !== undefined && error === undefined && (
            <Text slot="description" className="text-sm text-muted">
              {hint}
            </Text>
          )}
          <FieldError className="text-sm text-danger">
            {error === undefined ? "" : fieldMessage(t, name, String(error.type))}
          </FieldError>
          {children}
        </TextField>
      )}
    />
  );
}
