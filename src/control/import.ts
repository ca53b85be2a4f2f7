/**
 * Bulk import: lines become writes, writes go to the daemon in groups, several groups at a time. Reading waits while
 * as many groups are on their way as may be, which holds back the upload through the socket.
 *
 * Lines stand for themselves: a wrong one is counted and reported, the others are written. Groups are handed over in
 * the order of the lines, so of two lines with one key the later wins.
 */
import { CoterieError, toCoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../core/ports.ts";
import type { WriteOp } from "./daemon.ts";
import { createGroupWriter, type GroupWriter } from "./group-writer.ts";
import { createTally, type Tally } from "./import-tally.ts";
import { LineSplitter, type Line } from "./line-splitter.ts";
import type { ImportProgress } from "./schema.ts";
import { writeOpOfLine } from "./write-op.ts";

export type ImportOptions = {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly write: (ops: readonly WriteOp[]) => Promise<unknown>;
  readonly clock: Clock;
};

/** Yields now and then how far it is, at last with `done`. Throws when the upload breaks off. */
export async function* importLines(options: ImportOptions): AsyncGenerator<ImportProgress, void> {
  const tally = createTally();
  const finished = readAll(options, tally).then(() => true);
  const paused = (): Promise<boolean> =>
    options.clock.sleep(limits.importProgressMs).then(() => false);
  while (!(await Promise.race([finished, paused()]))) yield tally.progress(false);
  yield tally.progress(true);
}

async function readAll({ chunks, write, clock }: ImportOptions, tally: Tally): Promise<void> {
  const writer = createGroupWriter(write, clock, tally);
  const splitter = new LineSplitter(limits.importLineBytesMax);
  let number = 0;
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) await takeLine(line, ++number, writer, tally);
    writer.pause();
  }
  for (const line of splitter.end()) await takeLine(line, ++number, writer, tally);
  await writer.finish();
}

/** A promise only when the caller has to wait. */
function takeLine(
  bytes: Line,
  number: number,
  writer: GroupWriter,
  tally: Tally,
): Promise<void> | undefined {
  const line = lineOf(bytes, number);
  if (line?.length === 0) return undefined;
  tally.read();
  try {
    return writer.add({ line: number, bytes: line?.length ?? 0, op: opOf(line) });
  } catch (error) {
    tally.fail(number, toCoterieError(error));
    return undefined;
  }
}

/** The line without what some editors put in front; empty when it is blank. */
export function lineOf(bytes: Line, number: number): Line {
  const line = number === 1 ? withoutMark(bytes) : bytes;
  return line !== undefined && isBlank(line) ? new Uint8Array(0) : line;
}

/** Throws what `writeOpOfLine` throws, and `TOO_LARGE` for a line that is too long. */
export function opOf(line: Line): WriteOp {
  if (line === undefined) throw tooLong();
  return writeOpOfLine(line);
}

/** Some editors put a byte order mark in front of UTF-8. */
function withoutMark(line: Line): Line {
  const marked = line?.[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
  return marked ? line.subarray(3) : line;
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function tooLong(): CoterieError {
  return new CoterieError("TOO_LARGE", `a line is at most ${limits.importLineBytesMax} bytes`);
}
