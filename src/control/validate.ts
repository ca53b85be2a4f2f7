/** Validation of requests with compiled schemas (compiled at first use: a daemon that starts has other things to do). */
import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/schema";
import { CoterieError } from "../core/errors.ts";

const compiled = new WeakMap<TSchema, Validator>();

/** Throws `BAD_REQUEST` that names the first wrong field of `value`, called `where` as a whole. */
export function check(schema: TSchema, value: unknown, where: string): void {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return;
  const [, errors] = validator.Errors(value);
  throw new CoterieError("BAD_REQUEST", faultOf(errors, where));
}

function validatorOf(schema: TSchema): Validator {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const made = Compile(schema) as Validator;
  compiled.set(schema, made);
  return made;
}

type Faults = ReturnType<Validator["Errors"]>[1];

function faultOf(errors: Faults, where: string): string {
  for (const error of errors) {
    const place = `${where}${error.instancePath}`;
    if (error.keyword === "additionalProperties") {
      const [name = ""] = error.params.additionalProperties;
      return `${place}: unknown field ${JSON.stringify(name)}`;
    }
    if (error.keyword === "const") {
      return `${place} must be one of ${allowedAt(errors, error.instancePath)}`;
    }
    // the refusal of the unknown field itself, which the error that names it follows
    if (error.keyword !== "boolean") return `${place} ${error.message}`;
  }
  return `${where} does not fit its schema`;
}

function allowedAt(errors: Faults, path: string): string {
  return errors
    .flatMap((error) => (error.keyword === "const" && error.instancePath === path ? [error] : []))
    .map((error) => JSON.stringify(error.params.allowedValue))
    .join(", ");
}
