/** Verbs that other verbs run: what they would print is dropped, what they throw is not. */
import { Writable } from "node:stream";
import { Output } from "./output.ts";
import type { Call } from "./verb.ts";

export function quiet(call: Call, changes: Partial<Pick<Call, "args" | "rest" | "values">>): Call {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const stdout = nowhere as unknown as NodeJS.WriteStream;
  const out = new Output({ ...call.io, stdout }, true);
  return { ...call, args: [], rest: [], values: {}, ...changes, out };
}
