import { readFileSync } from "node:fs";
import { CoterieError, exitCodes, toCoterieError } from "../../src/core/errors.ts";
import { commandFor } from "../folder.ts";
import { interruptible } from "../interruptible.ts";
import { printable } from "../log-text.ts";
import { quiet } from "../quiet.ts";
import { liveNodes } from "../nodes.ts";
import { readRecord } from "../record.ts";
import { parseScenario } from "../scenario/parse.ts";
import { World } from "../scenario/perform.ts";
import { Recorder } from "../scenario/recorder.ts";
import type { ScenarioReport } from "../scenario/history.ts";
import { stepText, writeReport } from "../scenario/report.ts";
import { runSteps } from "../scenario/run-steps.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { stepVerbs } from "../step-verbs.ts";
import { textOf, type Call } from "../verb.ts";
import { waitUntilWhole, wholeMs } from "../wholeness.ts";
import { down } from "./down.ts";
import { up } from "./up.ts";

const reportDefault = "./coterie-report";

/** Makes the testnet, does the steps, and takes the testnet down whatever came of them. */
export async function run(call: Call): Promise<number> {
  const scenario = read(call.args[0] ?? "");
  const keep = call.values["keep"] === true;
  return interruptible(async (signal) => {
    const startedAt = performance.now();
    const values = { n: String(scenario.nodes), net: scenario.net, "no-wait": true };
    const code = await up(quiet(call, { values }));
    signal.throwIfAborted();
    if (code !== exitCodes.ok) return code;
    try {
      await waitForAll(call, signal);
      const upMs = Math.round(performance.now() - startedAt);
      const report = await runIn(call, scenario, upMs, signal);
      signal.throwIfAborted();
      return await conclude(call, report);
    } finally {
      if (keep) call.out.aside(keptText(call));
      else await down(quiet(call, {}));
    }
  });
}

function read(file: string): Scenario {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const reason = `cannot read ${file}: ${toCoterieError(error).message}`;
    throw new CoterieError("NOT_FOUND", reason, {
      hint: "name a scenario file (docs/scenarios.md)",
    });
  }
  return parseScenario(file, text, stepVerbs);
}

async function waitForAll(call: Call, signal: AbortSignal): Promise<void> {
  const nodes = liveNodes(readRecord(call.dir).record.nodes);
  const timeoutMs = wholeMs(nodes.length);
  const { whole, settled } = await waitUntilWhole(nodes, { timeoutMs, signal });
  if (whole) return;
  const found = `${settled.length} of ${nodes.length} nodes have found the others`;
  throw new CoterieError("TIMEOUT", `${found} after ${timeoutMs / 1_000} s`);
}

async function runIn(
  call: Call,
  scenario: Scenario,
  upMs: number,
  interrupted: AbortSignal,
): Promise<ScenarioReport> {
  const { file, title, nodes, net, steps, timeoutMs } = scenario;
  const { dir } = readRecord(call.dir);
  const late = new AbortController();
  const timer = setTimeout(() => {
    const message = `the scenario took longer than its ${timeoutMs / 1_000} s`;
    late.abort(new CoterieError("TIMEOUT", message));
  }, timeoutMs);
  const signal = AbortSignal.any([interrupted, late.signal]);
  await say(call, `${title}: ${nodes} nodes up after ${(upMs / 1_000).toFixed(1)} s`);
  const world = new World(call, dir);
  const startedAt = performance.now();
  const recorder = new Recorder(dir, startedAt);
  const results = await runSteps(steps, {
    world,
    startedAt,
    signal,
    onDone: (result) => {
      recorder.look();
      return say(call, stepText(result));
    },
  });
  clearTimeout(timer);
  await world.stopLoad();
  const history = await recorder.stop();
  const ok = results.every((each) => each.ok);
  const tookMs = Math.round(performance.now() - startedAt);
  const writes = world.books.counts;
  return { title, file, ok, nodes, net, tookMs, upMs, steps: results, writes, ...history };
}

async function conclude(call: Call, report: ScenarioReport): Promise<number> {
  const paths = writeReport(textOf(call, "report") ?? reportDefault, report);
  if (call.out.json) await call.out.document({ ...report, paths });
  const expected = report.steps.filter(({ kind }) => kind === "expect");
  const held = expected.filter(({ ok }) => ok).length;
  await say(call, `${held} of ${expected.length} expectations held; see ${paths.svg}`);
  const failed = report.steps.find(({ ok }) => !ok);
  if (failed === undefined) return exitCodes.ok;
  const message = `${report.file}:${failed.line}: ${failed.text}: ${printable(failed.seen)}`;
  throw new CoterieError("SCENARIO_FAILED", message, { hint: `the whole of it: ${paths.json}` });
}

function keptText(call: Call): string {
  return [
    "the testnet is left up. Next:",
    `  ${commandFor(call, "status")}`,
    `  ${commandFor(call, "down")}`,
  ].join("\n");
}

async function say({ out }: Call, line: string): Promise<void> {
  if (!out.json) await out.line(printable(line));
}
