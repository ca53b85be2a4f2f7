import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { connectionsFor, wantConnections } from "../connections.ts";
import { commandFor } from "../folder.ts";
import { interruptible } from "../interruptible.ts";
import { Launches, startChain } from "../launches.ts";
import { listenAddresses, nodesMax } from "../loopback.ts";
import { formatNodeSet } from "../node-set.ts";
import { findCutTool } from "../netns/cut-rules.ts";
import { holdNamespaces, namespaceAddresses, type Holder } from "../netns/holder.ts";
import { netKinds, type NetKind } from "../netns/kinds.ts";
import type { LiveNode } from "../nodes.ts";
import { changeRecord, createRecord, readRecord, removeFiles } from "../record.ts";
import { printTable, reportNodes } from "../report.ts";
import { choiceOf, countOf, durationOf, textOf, type Call } from "../verb.ts";
import { waitUntilWhole, wholeMs, type Wholeness } from "../wholeness.ts";

const countDefault = 5;
const connectionsMax = 100;

/** For one daemon. Those that run already have work with each new one, and all share the machine's cores. */
function readyMs(count: number): number {
  return 30_000 + 1_000 * count;
}

export async function up(call: Call): Promise<number> {
  const count = countOf(call, "n", nodesMax, countDefault);
  const timeoutMs = durationOf(call, "timeout", wholeMs(count));
  const net = choiceOf(call, "net", netKinds);
  const connections = countOf(call, "connections", connectionsMax, connectionsFor(count));
  const startedAt = performance.now();
  const { dir, holder } = await make(call, count, net ?? "loopback");
  return interruptible(async (signal) => {
    const { launcher, io } = call;
    const options = { dir, launcher, env: io.env, readyMs: readyMs(count), signal };
    const launches = new Launches(options);
    try {
      wantConnections(dir, connections);
      const nodes = await startAll(call, dir, launches);
      const found = await waitForAll(call, nodes, timeoutMs, signal);
      signal.throwIfAborted();
      changeRecord(dir, (record) => ({ ...record, phase: "up" }));
      await launches.release();
      await holder?.release();
      return await report(call, dir, found, performance.now() - startedAt);
    } catch (error) {
      await giveUp(call, dir, launches, signal);
      await holder?.stop();
      throw error;
    }
  });
}

type Made = { readonly dir: string; readonly holder?: Holder };

async function make(call: Call, count: number, net: NetKind): Promise<Made> {
  const base = textOf(call, "base-address");
  if (net === "loopback")
    return { dir: createRecord(call.dir, await listenAddresses(count, base)) };
  if (base !== undefined) throw new CoterieError("USAGE", "--base-address is for --net loopback");
  const { env } = call.io;
  const holder = await holdNamespaces(count, env);
  try {
    const cutBy = await findCutTool(holder.process.pid, env);
    const netns = { holder: holder.process, cutBy };
    return { dir: createRecord(call.dir, namespaceAddresses(count), netns), holder };
  } catch (error) {
    await holder.stop();
    throw error;
  }
}

function startAll(call: Call, dir: string, launches: Launches): Promise<LiveNode[]> {
  const { nodes } = readRecord(dir).record;
  const say = (ready: number): void =>
    call.out.progress(`${ready} of ${nodes.length} daemons are ready`);
  return startChain(launches, nodes, say);
}

async function waitForAll(
  call: Call,
  nodes: readonly LiveNode[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Wholeness | undefined> {
  if (call.values["no-wait"] === true) return undefined;
  return waitUntilWhole(nodes, { timeoutMs, signal }, (settled) => {
    call.out.progress(`${settled.length} of ${nodes.length} nodes have found the others`);
  });
}

/** After an interruption nothing stays; after a failure the logs do, which say why. */
async function giveUp(
  call: Call,
  dir: string,
  launches: Launches,
  signal: AbortSignal,
): Promise<void> {
  call.out.endProgress();
  call.out.aside("stopping the daemons");
  await launches.stop();
  if (signal.aborted) removeFiles(dir, readRecord(dir).record);
  else call.out.aside(`their logs stay in ${dir}; remove them with: ${commandFor(call, "down")}`);
}

async function report(
  call: Call,
  dir: string,
  found: Wholeness | undefined,
  tookMs: number,
): Promise<number> {
  const { out } = call;
  out.endProgress();
  const nodes = await reportNodes(readRecord(dir).record);
  if (out.json) {
    const ms = Math.round(tookMs);
    await out.document({ dir, whole: found?.whole ?? null, tookMs: ms, nodes });
  } else {
    await printTable(out, nodes);
  }
  if (found?.whole === false) throw notWhole(call, nodes.length, found);
  const seconds = (tookMs / 1_000).toFixed(1);
  out.aside(
    [
      `${nodes.length} daemons are up after ${seconds} s. Next:`,
      `  ${commandFor(call, "exec 0 -- kv put hello world")}`,
      `  ${commandFor(call, "status")}`,
      `  ${commandFor(call, "down")}`,
    ].join("\n"),
  );
  return exitCodes.ok;
}

function notWhole(call: Call, count: number, { settled }: Wholeness): CoterieError {
  const missing = Array.from({ length: count }, (_, index) => index).filter(
    (index) => !settled.includes(index),
  );
  const message = `these nodes have not found enough of the others: ${formatNodeSet(missing)}`;
  return new CoterieError("TIMEOUT", message, {
    hint: `all daemons are left running; look with: ${commandFor(call, "status")}`,
  });
}
