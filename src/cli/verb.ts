/** The shape of the table of verbs, from which parsing, help and completion are made. */
import type { Call } from "./call.ts";

export type Option = {
  /** `count` is a whole number from 0, `duration` a time such as `30s`, `list` may be given several times. */
  readonly type: "flag" | "text" | "list" | "count" | "duration";
  readonly help: string;
  readonly short?: string;
  /** What stands for the value in help; every type but `flag` has one. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly complete?: "file" | "directory";
};

export type Options = Readonly<Record<string, Option>>;

export type Argument = {
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
  readonly many?: true;
  readonly choices?: readonly string[];
  readonly complete?: "file";
};

/** Does the work and resolves with the exit code; refusals are thrown as `CoterieError`. */
export type Run = (call: Call) => Promise<number>;

export type Verb = {
  /** One word, or a noun and its verb. */
  readonly path: readonly [string] | readonly [string, string];
  readonly summary: string;
  readonly detail?: string;
  readonly args: readonly Argument[];
  readonly options: Options;
  readonly examples: readonly string[];
  /** Words that people try for it, for "did you mean". */
  readonly synonyms?: readonly string[];
  /** Everything after the first word goes to `run` unparsed. */
  readonly raw?: true;
  /** A reader that goes away (`| head`) does not end it. */
  readonly outlivesOutput?: true;
  /** Loads the noun's file, and no other. */
  readonly load: () => Promise<Run>;
};

export const globalOptions: Options = {
  "data-dir": {
    type: "text",
    value: "DIR",
    complete: "directory",
    help: "folder of the node (COTERIE_DATA_DIR; default $XDG_DATA_HOME/coterie)",
  },
  json: { type: "flag", help: "one JSON document on stdout, JSON lines for streams" },
  timeout: { type: "duration", value: "TIME", help: "how long to wait for an answer (30s)" },
  debug: { type: "flag", help: "add the stack to an error" },
  help: { type: "flag", short: "h", help: "help for this command" },
};

export function commandOf(verb: Verb): string {
  return verb.path.join(" ");
}
