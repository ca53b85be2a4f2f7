/** What the suite prints: one line a round, and a table of kinds at the end. */
import { percentile } from "../show/measure.ts";
import type { Finding } from "./judge.ts";
import { partsOf } from "./judge.ts";
import type { Kind } from "./kinds.ts";
import type { Round } from "./round.ts";

export type Row = {
  readonly kind: Kind;
  readonly rounds: number;
  /** From the start of heal to equal exports; null when some round never got there. */
  readonly medianMs: number | null;
  readonly worstMs: number | null;
  readonly acknowledged: number;
  readonly lost: number;
  readonly resurrected: number;
  readonly wrong: number;
  /** Rounds with each outage inside. */
  readonly outages: Readonly<Record<string, number>>;
};

export function countOf(findings: readonly Finding[], kind: Finding["kind"]): number {
  return findings.filter((finding) => finding.kind === kind).length;
}

export function rowsOf(rounds: readonly Round[]): Row[] {
  return [...Map.groupBy(rounds, ({ plan }) => plan.kind)].map(([kind, some]) => {
    const times = some.flatMap(({ equalMs }) => equalMs ?? []);
    const all = times.length === some.length;
    const findings = some.flatMap((round) => round.findings);
    const outages = Object.groupBy(some, ({ outage }) => outage ?? "none");
    return {
      kind,
      rounds: some.length,
      medianMs: all ? Math.round(percentile(times, 50)) : null,
      worstMs: all ? Math.round(Math.max(...times)) : null,
      acknowledged: some.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      lost: countOf(findings, "lost"),
      resurrected: countOf(findings, "resurrected"),
      wrong: countOf(findings, "wrong"),
      outages: Object.fromEntries(
        Object.entries(outages).map(([name, those]) => [name, those?.length ?? 0]),
      ),
    };
  });
}

const titles = [
  "kind",
  "rounds",
  "median ms",
  "worst ms",
  "writes",
  "lost",
  "resurrected",
  "wrong",
] as const;

export function tableText(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { kind, rounds, medianMs, worstMs, acknowledged, lost, resurrected, wrong } = row;
    const took = [medianMs ?? "never", worstMs ?? "never"];
    const cells = [kind, rounds, ...took, acknowledged, lost, resurrected, wrong].map((cell, at) =>
      at === 0 ? String(cell).padEnd(10) : String(cell).padStart(titles[at]!.length),
    );
    const inside = Object.entries(row.outages).filter(([name]) => name !== "none");
    const faults = inside.map(([name, times]) => `${name} ${times}`).join(", ");
    return [...cells, faults === "" ? "-" : faults].join("  ");
  });
  const head = [
    ...titles.map((title, at) => (at === 0 ? title.padEnd(10) : title)),
    "faults inside",
  ];
  return [head.join("  "), ...lines].join("\n");
}

export function roundText(at: number, round: Round): string {
  const { plan, outage, equalMs, healMs, digestsMs, acknowledged, unanswered, subjects } = round;
  const inside = outage === undefined ? "" : ` with ${outage}`;
  const took =
    equalMs === null
      ? "never equal"
      : `equal after ${ms(equalMs)} (command ${ms(healMs)}, digests ${ms(digestsMs)})`;
  const head = `${at}  ${plan.kind} ${plan.words.join(" ")}${inside}: ${took}; `;
  const counts = `${acknowledged} writes, ${unanswered} unanswered, ${subjects} subjects`;
  const findings = round.findings.slice(0, 10).map((finding) => `\n   ${findingText(finding)}`);
  return `${head}${counts}${findings.join("")}`;
}

export function findingText({ kind, subject, what }: Finding): string {
  const { type, key, element } = partsOf(subject);
  return `${kind}: ${type} ${key}${element === "" ? "" : ` ${element}`}: ${what}`;
}

function ms(time: number): string {
  return `${Math.round(time)} ms`;
}
