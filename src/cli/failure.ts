/** Errors as people and programs get them: one line on stderr and an exit code. */
import { inspect } from "node:util";
import { errorCodes, toCoterieError, type CoterieError } from "../core/errors.ts";
import { escapeText } from "./terminal/escape.ts";
import type { Io } from "./io.ts";

export type FailureLook = { readonly json: boolean; readonly debug: boolean };

function failureLine(error: CoterieError, json: boolean): string {
  if (json) return JSON.stringify({ error: error.toBody() });
  const hint = error.hint === undefined ? "" : `; ${error.hint}`;
  return `coterie: ${escapeText(`${error.message}${hint}`.replaceAll(/\s*\n\s*/g, " "))}`;
}

/** Prints the error and returns its exit code. */
export function reportFailure(io: Io, thrown: unknown, look: FailureLook): number {
  const error = toCoterieError(thrown);
  io.stderr.write(`${failureLine(error, look.json)}\n`);
  if (look.debug) io.stderr.write(`${inspect(error, { depth: 4 })}\n`);
  return errorCodes[error.code].exit;
}
