import { useState } from "react";
import { type DefaultValues, type FieldValues, type Path, type UseFormReturn, useForm } from "react-hook-form";
import { type Failure, toFailure } from "../api/failure";
import { type Schema, schemaResolver } from "./rules";

/** The fields of codes for which the server names none. */
const fieldsOfCode: Record<string, string[]> = {
  username_taken: ["username"],
  email_taken: ["email"],
  current_password_incorrect: ["current_password", "password"],
};

interface Options<T extends FieldValues> {
  schema: Schema<T>;
  defaults: DefaultValues<T>;
  /** Sends the values; throws a Failure. */
  send: (values: T) => Promise<unknown>;
}

export interface ServerForm<T extends FieldValues> extends UseFormReturn<T> {
  /** The failure of the last request, if it does not belong to fields. */
  failure: Failure | undefined;
  onSubmit: (event?: React.BaseSyntheticEvent) => Promise<void>;
}

/** A form that is checked by the contract's schema. Errors from the server are shown at the fields they are about. */
export function useServerForm<T extends FieldValues>({ schema, defaults, send }: Options<T>): ServerForm<T> {
  // Not validated on blur: an error that appears then would move the button that is about to be clicked.
  const form = useForm<T>({ resolver: schemaResolver(schema), defaultValues: defaults, mode: "onSubmit" });
  const [failure, setFailure] = useState<Failure>();
  const onSubmit = form.handleSubmit(async (values) => {
    setFailure(undefined);
    try {
      await send(values);
    } catch (error) {
      const caught = toFailure(error);
      if (!showOnFields(form, caught, Object.keys(defaults))) setFailure(caught);
    }
  });
  return { ...form, failure, onSubmit };
}

/** Shows field errors, and reports whether all parts of the failure belong to fields. */
function showOnFields<T extends FieldValues>(form: UseFormReturn<T>, failure: Failure, names: string[]): boolean {
  const named = (fieldsOfCode[failure.code] ?? []).filter((name) => names.includes(name)).slice(0, 1);
  const errors = [...named.map((field) => ({ field, code: failure.code })), ...failure.fields];
  const [known, others] = [
    errors.filter((f) => names.includes(f.field)),
    errors.filter((f) => !names.includes(f.field)),
  ];
  // In reverse, so that a field shows its first error and the first field gets the focus.
  for (const { field, code } of known.reverse()) {
    form.setError(field as Path<T>, { type: code }, { shouldFocus: true });
  }
  return known.length > 0 && others.length === 0;
}
