import { useState } from "react";
import { type DefaultValues, type FieldValues, type Path, type UseFormReturn, useForm } from "react-hook-form";
import { type Failure, toFailure } from "../api/failure";
import { rulesOf, type Schema } from "./rules";

/** Codes that are about one field although the server names none. */
const fieldOf: Record<string, string[]> = {
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
  /** What is wrong with the form as a whole. */
  failure: Failure | undefined;
  onSubmit: (event?: React.BaseSyntheticEvent) => Promise<void>;
}

/** A form that is checked by the rules of the contract, whose refusals land on the fields they are about. */
export function useServerForm<T extends FieldValues>({ schema, defaults, send }: Options<T>): ServerForm<T> {
  // Nothing is told before the form is sent: an error that appears when a field is left moves what is
  // about to be pressed.
  const form = useForm<T>({ resolver: rulesOf(schema), defaultValues: defaults, mode: "onSubmit" });
  const [failure, setFailure] = useState<Failure>();
  const onSubmit = form.handleSubmit(async (values) => {
    setFailure(undefined);
    try {
      await send(values);
    } catch (error) {
      const failed = toFailure(error);
      if (!showOnFields(form, failed, Object.keys(defaults))) setFailure(failed);
    }
  });
  return { ...form, failure, onSubmit };
}

/** Says whether every part of the failure found a field. */
function showOnFields<T extends FieldValues>(form: UseFormReturn<T>, failure: Failure, names: string[]): boolean {
  const named = (fieldOf[failure.code] ?? []).filter((name) => names.includes(name)).slice(0, 1);
  const faults = [...named.map((field) => ({ field, code: failure.code })), ...failure.fields];
  const [known, others] = [
    faults.filter((f) => names.includes(f.field)),
    faults.filter((f) => !names.includes(f.field)),
  ];
  // The first rule of a field is the one to show, the first field the one to go to.
  for (const { field, code } of known.reverse()) {
    form.setError(field as Path<T>, { type: code }, { shouldFocus: true });
  }
  return known.length > 0 && others.length === 0;
}
