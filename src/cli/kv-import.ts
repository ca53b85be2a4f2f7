import type { ImportProgress } from "../control/schema.ts";
import { CoterieError, exitCodes, isErrorCode } from "../core/errors.ts";
import { humanCount, humanDuration, plural } from "./terminal/human.ts";
import { namespaceOf } from "./kv.ts";
import { ProgressLine } from "./terminal/progress-line.ts";
import { inputChunks } from "./read-input.ts";
import type { Run } from "./verb.ts";

function rate(lines: number, startedAt: number): string {
  const seconds = Math.max(performance.now() - startedAt, 1) / 1_000;
  return `${humanCount(Math.round(lines / seconds))} lines/s`;
}

/** Of an atomic import it is one refusal, whatever it is. */
function atomicFailure({ errors }: ImportProgress): CoterieError {
  const first = errors[0];
  const code = isErrorCode(first?.code) ? first.code : "BAD_FORMAT";
  const reason = first === undefined ? "" : `: line ${first.line}: ${first.message}`;
  return new CoterieError(code, `nothing was written${reason}`);
}

/** `PARTIAL` when some lines were written; else the first refusal's own code, with exit code 1 all the same. */
function failureOf({ lines, failed, written, errors }: ImportProgress): CoterieError {
  const first = errors[0];
  const reason = first === undefined ? "" : `, first at line ${first.line}: ${first.message}`;
  return written > 0
    ? new CoterieError(
        "PARTIAL",
        `${humanCount(failed)} of ${plural(lines, "line")} refused${reason}`,
      )
    : new CoterieError("BAD_FORMAT", `all of ${plural(lines, "line")} refused${reason}`);
}

export const importLines: Run = async (call) => {
  const { out } = call;
  const atomic = call.values.flag("atomic");
  const startedAt = performance.now();
  const chunks = inputChunks(call.arg(0), call.io.stdin);
  const progress = new ProgressLine(call.io.stderr);
  let last: ImportProgress | undefined;
  try {
    const client = await call.client();
    const options = { ...call.stream, atomic };
    for await (const now of client.kvImport(namespaceOf(call), chunks, options)) {
      last = now;
      progress.show(() => `${plural(now.lines, "line")}, ${rate(now.lines, startedAt)}`);
    }
  } finally {
    progress.clear();
  }
  if (last?.done !== true) {
    throw new CoterieError(
      "UNREACHABLE",
      `the daemon stopped the import after ${plural(last?.lines ?? 0, "line")}`,
    );
  }
  if (out.json) await out.document(last);
  else {
    const took = humanDuration(performance.now() - startedAt);
    await out.line(
      `${plural(last.written, "key")} written in ${took}, ${rate(last.lines, startedAt)}`,
    );
    for (const { line, code, message } of last.errors)
      out.note(`line ${line}: ${message} (${code})`);
  }
  if (last.failed > 0) throw atomic ? atomicFailure(last) : failureOf(last);
  return exitCodes.ok;
};
