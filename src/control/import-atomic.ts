/** An import of which all lines are written in one batch, or none. */
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { WriteOp } from "./daemon.ts";
import { createTally, type Tally } from "./import-tally.ts";
import { lineOf, opOf } from "./import.ts";
import { LineSplitter, type Line } from "./line-splitter.ts";
import type { ImportProgress } from "./schema.ts";

export type AtomicImport = {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly write: (ops: readonly WriteOp[]) => Promise<unknown>;
};

/** Yields once, when all is written or refused. Throws when the upload breaks off. */
export async function* importAtomically({
  chunks,
  write,
}: AtomicImport): AsyncGenerator<ImportProgress, void> {
  const tally = createTally();
  const ops = await readOps(chunks, tally);
  if (ops !== undefined && ops.length > 0) {
    try {
      await write(ops);
      tally.wrote(ops.length);
    } catch (error) {
      tally.fail(1, toCoterieError(error), ops.length);
    }
  }
  yield tally.progress(true);
}

/** Undefined when a line was refused, and so all of them are. Reads the rest, so that the client hears of it. */
async function readOps(
  chunks: AsyncIterable<Uint8Array>,
  tally: Tally,
): Promise<WriteOp[] | undefined> {
  const splitter = new LineSplitter(limits.importLineBytesMax);
  const ops: WriteOp[] = [];
  let number = 0;
  let refused = false;
  let others = 0;
  const take = (bytes: Line): void => {
    const line = lineOf(bytes, ++number);
    if (line?.length === 0) return;
    tally.read();
    if (refused) return void others++;
    try {
      if (ops.length === limits.batchEntriesMax) throw tooMany();
      ops.push(opOf(line));
    } catch (error) {
      refused = true;
      others = ops.length;
      tally.fail(number, toCoterieError(error));
    }
  };
  for await (const chunk of chunks) for (const line of splitter.push(chunk)) take(line);
  for (const line of splitter.end()) take(line);
  if (!refused) return ops;
  if (others > 0) tally.fail(number, oneFailed(), others);
  return undefined;
}

function tooMany(): CoterieError {
  const max = limits.batchEntriesMax;
  return new CoterieError("TOO_LARGE", `an atomic import has at most ${max} lines`);
}

function oneFailed(): CoterieError {
  return new CoterieError("REFUSED", "one line is refused, so none is written");
}
