/** The report of a soak: a page of plots, the text that is printed, and all of it as JSON. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../partition/judge.ts";
import { findingText } from "../partition/table.ts";
import { hasGrown, type Growth } from "./growth.ts";
import { plotPage, type Panel, type Point } from "./plot.ts";
import type { Sample } from "./sample.ts";
import type { Fault } from "./shake.ts";

export type SoakResult = {
  readonly seed: number;
  readonly nodes: number;
  readonly forMs: number;
  readonly perHourWanted: number;
  readonly faults: readonly Fault[];
  readonly acknowledged: number;
  readonly unanswered: number;
  /** From the mending of the last fault until digests were equal; null if they never were. */
  readonly agreedMs: number | null;
  readonly findings: readonly Finding[];
  readonly growth: readonly Growth[];
  /** Command lines of processes that were left behind. */
  readonly leftProcesses: readonly string[];
  readonly samples: readonly Sample[];
};

export function perHour({ faults, forMs }: SoakResult): number {
  const made = faults.filter(({ error }) => error === null).length;
  return Math.round((made * 3_600_000) / forMs);
}

/** Why the soak failed; empty when it did not. */
export function failures(result: SoakResult): string[] {
  const { agreedMs, findings, growth, leftProcesses, perHourWanted } = result;
  return [
    ...(agreedMs === null ? ["the nodes did not agree at the end"] : []),
    ...(findings.length > 0 ? [`${findings.length} findings about acknowledged writes`] : []),
    ...(growth.length === 0 ? ["too short to tell whether anything grew"] : []),
    ...growth
      .filter(hasGrown)
      .map(({ node, what, after, most }) => `node ${node}: ${what} ${after}, over ${most}`),
    ...leftProcesses.map((line) => `left running: ${line}`),
    ...(perHour(result) < perHourWanted ? [`only ${perHour(result)} faults an hour`] : []),
  ];
}

export function reportText(result: SoakResult): string {
  const { seed, nodes, forMs, faults, acknowledged, unanswered, agreedMs, growth } = result;
  const failed = faults.filter(({ error }) => error !== null).length;
  const byVerb = Object.entries(Object.groupBy(faults, ({ line }) => line.split(" ", 1)[0] ?? ""));
  const verbs = byVerb.map(([verb, some]) => `${verb} ${some?.length}`).join(", ");
  const rows = growth.map(({ node, what, unit, before, after, most }) => {
    const verdict = after > most ? "GREW" : "ok";
    return `  node ${node}  ${what.padEnd(16)} ${before} -> ${after} ${unit} (at most ${most})  ${verdict}`;
  });
  const wrong = failures(result);
  return [
    `soak of ${nodes} nodes for ${Math.round(forMs / 1_000)} s, seed ${seed}`,
    `${faults.length} faults (${verbs}), ${failed} of them failed: ${perHour(result)} an hour`,
    `${acknowledged} acknowledged writes, ${unanswered} unanswered, ${result.findings.length} findings`,
    agreedMs === null ? "no agreement at the end" : `agreement after ${Math.round(agreedMs)} ms`,
    "medians of the second and the last quarter, of nodes that lived all the time:",
    ...rows,
    ...result.findings.slice(0, 20).map(findingText),
    wrong.length === 0 ? "passed" : `FAILED: ${wrong.join("; ")}`,
  ].join("\n");
}

export function writeReport(dir: string, result: SoakResult): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "soak.json"), `${JSON.stringify(result)}\n`);
  writeFileSync(join(dir, "soak.txt"), `${reportText(result)}\n`);
  writeFileSync(join(dir, "soak.svg"), pageOf(result));
}

const mib = 2 ** 20;

function pageOf(result: SoakResult): string {
  const { samples, nodes, forMs, seed } = result;
  const panel = (title: string, unit: string, of: (sample: Sample) => number | null): Panel => ({
    title,
    unit,
    lines: [...Map.groupBy(samples, ({ node }) => node)]
      .toSorted(([a], [b]) => a - b)
      .map(([node, own]) => ({ name: `node ${node}`, points: pointsOf(own, of) })),
  });
  const panels: Panel[] = [
    { title: "faults", unit: "per minute", lines: [{ name: "faults", points: rateOf(result) }] },
    panel("resident memory", "MiB", ({ rssBytes }) => rssBytes / mib),
    panel("memory without mapped files", "MiB", ({ ownBytes }) => ownBytes && ownBytes / mib),
    panel("heap in use", "MiB", ({ heapBytes }) => heapBytes / mib),
    panel("open files", "", ({ descriptors }) => descriptors),
    panel("connections", "", ({ connections }) => connections),
    panel("longest event-loop delay between samples", "ms", ({ loopDelayMs }) => loopDelayMs),
    panel("store", "MiB", ({ storeBytes }) => storeBytes / mib),
    panel("entries", "", ({ entries }) => entries),
  ];
  const title = `soak: ${nodes} nodes, ${Math.round(forMs / 1_000)} s, ${result.faults.length} faults, seed ${seed}`;
  return plotPage(title, panels, forMs);
}

/** With a gap where the process is another one. */
function pointsOf(own: readonly Sample[], of: (sample: Sample) => number | null): Point[] {
  return own.flatMap((sample, at) => {
    const point = { x: sample.atMs / 1_000, y: of(sample) };
    const isAnother = at > 0 && own[at - 1]?.pid !== sample.pid;
    return isAnother ? [{ x: point.x, y: null }, point] : [point];
  });
}

function rateOf({ faults, forMs }: SoakResult): Point[] {
  const windowMs = Math.min(60_000, forMs / 6);
  return Array.from({ length: Math.floor(forMs / windowMs) }, (_, at) => {
    const within = faults.filter(({ atMs }) => Math.floor(atMs / windowMs) === at);
    const x = ((at + 0.5) * windowMs) / 1_000;
    return { x, y: (within.length * 60_000) / windowMs };
  });
}
