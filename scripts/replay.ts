/**
 * Replays a recorded editing history (github.com/josephg/editing-traces) as a document, through real daemons and the typed
 * client: `node scripts/replay.ts FILE.json.gz [--json] [--page N]`. A history of several agents that typed at the same time is
 * replayed with one agent a daemon. The exit code is 1 when a daemon does not end with exactly the recorded text.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { replayAgents } from "./replay/agents.ts";
import type { Trace } from "./replay/trace.ts";
import { replayTyping } from "./replay/typing.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, page: { type: "string", default: "1000" } },
});
const [file] = positionals;
if (file === undefined) {
  process.stderr.write("usage: node scripts/replay.ts FILE.json.gz [--json] [--page N]\n");
  process.exit(2);
}

const trace = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Trace;
const isConcurrent = trace.txns[0]?.agent !== undefined;
const report = isConcurrent
  ? await replayAgents(trace)
  : await replayTyping(trace, Number(values.page));

if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  for (const [name, value] of Object.entries(report)) {
    process.stdout.write(`${name.padEnd(24)}${JSON.stringify(value)}\n`);
  }
}
process.exitCode = report.exact ? 0 : 1;
