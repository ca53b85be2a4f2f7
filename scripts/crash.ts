/**
 * `npm run crash -- [--rounds 50] [--seed N] [--json]`: kill -9 rounds on a real daemon under load. Exit code 0 only if
 * nothing acknowledged was lost.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { crashRounds, type CrashReport, type CrashRound } from "../test/daemon/crash-rounds.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "50" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    json: { type: "boolean", default: false },
  },
});

const titles = ["round", "acknowledged", "lost", "restart ms", "spread ms", "start killed too"];

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, index) => String(cell).padStart(titles[index]?.length ?? 0)).join("  ");
}

function printRound(round: CrashRound): void {
  const { acknowledged, lost, restartMs, spreadMs, killedWhileStarting } = round;
  const startKilled = killedWhileStarting ? "yes" : "";
  const times = [Math.round(restartMs), Math.round(spreadMs)];
  console.log(row([round.round, acknowledged, lost.length, ...times, startKilled]));
  for (const what of lost) console.log(`  lost: ${what}`);
}

function printSummary(report: CrashReport): void {
  const { rounds, acknowledged, lost, restartMsMedian, restartMsWorst, forks } = report;
  console.log(
    `${rounds.length} rounds, ${acknowledged} writes acknowledged, ${lost} lost; restart to ready median ` +
      `${Math.round(restartMsMedian)} ms, worst ${Math.round(restartMsWorst)} ms; ${forks} forks; ` +
      `digests ${report.equalDigests ? "equal" : "differ"}; seed ${report.seed}`,
  );
}

const folder = mkdtempSync(join(tmpdir(), "coterie-crash-"));
try {
  if (!values.json) console.log(row(titles));
  const report = await crashRounds({
    folder,
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    ...(values.json ? {} : { onRound: printRound }),
  });
  if (values.json) console.log(JSON.stringify(report));
  else printSummary(report);
  process.exitCode = report.lost === 0 && report.forks === 0 && report.equalDigests ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
