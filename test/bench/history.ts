/**
 * A real history of one author (github.com/josephg/editing-traces, automerge-paper.json.gz) as a document, through a daemon.
 * The file is not ours to bring: `--history FILE` names it, and without it the benchmark says so.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Trace } from "../../scripts/replay/trace.ts";
import { replayTyping } from "../../scripts/replay/typing.ts";
import type { Benchmark, Figure } from "./report.ts";

const pageEdits = 1_000;
/** What is told of a replay, with its unit and what one of it is in the report's. */
const told = [
  ["replayMs", "to replay", "ms", 1],
  ["openMs", "to open after a restart", "ms", 1],
  ["storeBytes", "store", "MiB", 2 ** 20],
  ["rssBytes", "RSS after the replay", "MiB", 2 ** 20],
  ["loopDelayMaxMs", "largest delay of the loop", "ms", 1],
] as const;

export function history(file: string | undefined): Benchmark {
  return {
    name: "history",
    about:
      "a recorded history as a document, in pages of 1,000 edits, from the first edit to the known text",
    async run(runs, say) {
      if (file === undefined) {
        say(
          "skipped: give --history FILE, such as automerge-paper.json.gz of josephg/editing-traces",
        );
        return [];
      }
      const trace = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Trace;
      const values = new Map<string, number[]>(told.map(([name]) => [name, []]));
      for (let run = 0; run < runs; run++) {
        say(`run ${run + 1} of ${runs}`);
        const report = await replayTyping(trace, pageEdits);
        if (!report.exact) throw new Error("the text is not the recorded one");
        for (const [name] of told) values.get(name)!.push(Number(report[name]));
      }
      return told.map(([name, what, unit, one]): Figure => {
        return { what, unit, values: values.get(name)!.map((value) => value / one) };
      });
    },
  };
}
