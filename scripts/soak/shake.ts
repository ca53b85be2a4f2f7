/** Faults from a seed, one after the other for the whole time, and all of them mended at the end. */
import { setTimeout as sleep } from "node:timers/promises";
import { toCoterieError } from "../../src/core/errors.ts";
import { drawFaults, type Command } from "../../testnet/draw.ts";
import { formatNodeSet } from "../../testnet/node-set.ts";
import { hasProcess, stateOf } from "../../testnet/nodes.ts";
import type { Field } from "../partition/field.ts";

export type Fault = {
  readonly atMs: number;
  readonly line: string;
  /** Of one that could not be made. */
  readonly error: string | null;
};

export type ShakeOptions = {
  readonly field: Field;
  readonly seed: number;
  readonly forMs: number;
  readonly perHour: number;
  /** Nodes from 0 on that are paused instead of killed: only who lives long shows what grows. */
  readonly steady: number;
  readonly onPause: (node: number) => void;
};

/** Waits between faults are drawn, so a few more than wanted are asked for. */
const surplus = 1.1;

export async function shake(options: ShakeOptions): Promise<Fault[]> {
  const { field, seed, forMs, perHour, steady, onPause } = options;
  const nodes = field.record().nodes.length;
  const perMinute = (perHour * surplus) / 60;
  const startedAt = performance.now();
  const done: Fault[] = [];
  for (const { command } of drawFaults({ seed, nodes, forMs, perMinute }).map((fault) => ({
    ...fault,
    command: spared(fault.command, steady),
  }))) {
    const due = (forMs * done.length) / ((perMinute * forMs) / 60_000);
    await sleep(Math.max(0, startedAt + due - performance.now()));
    const atMs = performance.now() - startedAt;
    if (atMs > forMs) break;
    if (command.verb === "pause") onPause(Number(command.args[0]));
    const words = wordsOf(command);
    const error = await field.run(command.verb, ...words).then(() => null, messageOf);
    done.push({ atMs, line: [command.verb, ...words].join(" "), error });
  }
  return done;
}

function spared(command: Command, steady: number): Command {
  const { verb, args } = command;
  if (Number(args[0]) >= steady) return command;
  if (verb === "kill") return { ...command, verb: "pause" };
  return verb === "start" ? { ...command, verb: "resume" } : command;
}

function wordsOf({ args, options }: Command): string[] {
  const flags = Object.entries(options).map(([name, value]) =>
    value === true ? `--${name}` : `--${name}=${value}`,
  );
  return [...args, ...flags];
}

function messageOf(error: unknown): string {
  return toCoterieError(error).message;
}

/** By what is on record. */
export async function mend(field: Field): Promise<void> {
  const { nodes } = field.record();
  const paused = nodes.filter((node) => stateOf(node) === "paused");
  const gone = nodes.filter((node) => !hasProcess(node));
  const setOf = (some: typeof nodes): string => formatNodeSet(some.map(({ index }) => index));
  if (paused.length > 0) await field.run("resume", setOf(paused));
  if (gone.length > 0) await field.run("start", setOf(gone));
  await field.run("heal");
  await field.run("link", "--clear");
}
