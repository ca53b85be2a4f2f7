/** What a scenario came to: as a document, and as a picture beside it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CoterieError, toCoterieError } from "../../src/core/errors.ts";
import type { ScenarioReport, StepResult } from "./history.ts";
import { timelineSvg } from "./timeline.ts";

export type ReportPaths = { readonly json: string; readonly svg: string };

/** Into the folder, which is made; files of an earlier run are replaced. */
export function writeReport(dir: string, report: ScenarioReport): ReportPaths {
  const name = basename(report.file, ".toml");
  const paths = { json: join(dir, `${name}.json`), svg: join(dir, `${name}.svg`) };
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(paths.json, `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(paths.svg, timelineSvg(report));
  } catch (error) {
    const message = `cannot write the report into ${dir}: ${toCoterieError(error).message}`;
    throw new CoterieError("BAD_DATA_DIR", message, { hint: "name another folder with --report" });
  }
  return paths;
}

/** `12.3 s  line 7   ok      expect converged: ...`. */
export function stepText({ line, kind, text, toMs, ok, seen }: StepResult): string {
  const verdict = ok ? (kind === "expect" ? "ok" : "") : "FAILED";
  const at = `${(toMs / 1_000).toFixed(1)} s`.padStart(8);
  const head = `${at}  ${`line ${line}`.padEnd(9)} ${verdict.padEnd(6)}  ${text}`;
  return seen === "" ? head : `${head}: ${seen}`;
}
