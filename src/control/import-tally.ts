/** The counts of an import. */
import type { CoterieError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { ImportProgress } from "./schema.ts";

export type Tally = {
  /** A line that is not blank has been read. */
  read(): void;
  wrote(lines: number): void;
  /** `lines` of them fail for one reason, which is told once. */
  fail(line: number, error: CoterieError, lines?: number): void;
  progress(done: boolean): ImportProgress;
};

export function createTally(): Tally {
  let lines = 0;
  let written = 0;
  let failed = 0;
  const errors: ImportProgress["errors"] = [];
  return {
    read: () => void lines++,
    wrote: (count) => void (written += count),
    fail(line, { code, message }, count = 1) {
      failed += count;
      if (errors.length < limits.importErrorsReported) errors.push({ line, code, message });
    },
    progress: (done) => ({
      lines,
      written,
      failed,
      done,
      errors: errors.toSorted((a, b) => a.line - b.line),
    }),
  };
}
