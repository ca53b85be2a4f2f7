/** A verb of `coterie testnet` and what it is given. */
import type { ParseArgsConfig } from "node:util";
import { CoterieError } from "../src/core/errors.ts";
import type { Io } from "./io.ts";
import type { Output } from "./output.ts";

export type Option = { readonly value?: string; readonly short?: string; readonly help: string };

export type Verb = {
  readonly name: string;
  /** Arguments, as usage shows them. */
  readonly args: string;
  readonly summary: string;
  readonly options?: Readonly<Record<string, Option>>;
  /** How many arguments there may be. */
  readonly argsMin: number;
  readonly argsMax: number;
  /** Words after `--` are handed on. */
  readonly rest?: true;
  readonly run: (call: Call) => Promise<number>;
};

export type Call = {
  readonly args: readonly string[];
  /** Words after `--`. */
  readonly rest: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Folder of the testnet as given. */
  readonly dir: string;
  readonly io: Io;
  readonly out: Output;
  /** The script `coterie`. */
  readonly launcher: string;
};

export const defaultDir = "./coterie-testnet";

export const globalOptions: Readonly<Record<string, Option>> = {
  dir: { value: "DIR", help: `folder of the testnet (${defaultDir})` },
  json: { help: "one JSON document on stdout" },
  debug: { help: "add the stack to an error" },
  help: { short: "h", help: "help for this command" },
};

export function usageLine(verb: Verb): string {
  return ["coterie testnet", verb.name, verb.args].join(" ").trimEnd();
}

export function parserOptions(verb: Verb): NonNullable<ParseArgsConfig["options"]> {
  const options = Object.entries({ ...globalOptions, ...verb.options });
  return Object.fromEntries(
    options.map(([name, { value, short }]) => [
      name,
      {
        type: value === undefined ? ("boolean" as const) : ("string" as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
}

/** An option's text; undefined when it was not given. */
export function textOf({ values }: Call, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** Throws `USAGE` for anything but a whole number from 1 to `max`. */
export function countOf(call: Call, name: string, max: number, otherwise: number): number {
  const text = textOf(call, name);
  if (text === undefined) return otherwise;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  const option = name.length === 1 ? `-${name}` : `--${name}`;
  throw new CoterieError("USAGE", `${option} wants a number from 1 to ${max}, not "${text}"`);
}

/** One of a few words; undefined when it was not given. Throws `USAGE`. */
export function choiceOf<T extends string>(
  call: Call,
  name: string,
  among: readonly T[],
): T | undefined {
  const text = textOf(call, name);
  const found = among.find((each) => each === text);
  if (text === undefined || found !== undefined) return found;
  throw new CoterieError("USAGE", `--${name} is one of ${among.join(", ")}, not "${text}"`);
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** Milliseconds of `500ms`, `30s`, `2m` or plain seconds; undefined for anything else, and for no time at all. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6}(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * (unitMs[match[2] ?? "s"] ?? 0);
  return ms >= 1 ? Math.round(ms) : undefined;
}

/** An option's milliseconds. Throws `USAGE`. */
export function durationOf(call: Call, name: string, otherwiseMs: number): number {
  const text = textOf(call, name);
  if (text === undefined) return otherwiseMs;
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new CoterieError("USAGE", `--${name} wants a time such as 500ms, 30s or 2m, not "${text}"`);
}
