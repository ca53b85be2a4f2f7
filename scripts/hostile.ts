/**
 * `node scripts/hostile.ts [--seconds 60] [--each 3] [--tombstones N] [--authors N] [--seed N] [--out DIR] [--json]`:
 * honest nodes under siege for longer than the tests have, and the memory curve of the process (the attackers'
 * memory included) as CSV and SVG. Exit code 0 only if the honest nodes became equal, nothing acknowledged was lost, and
 * exactly those who broke the rules were kept out.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { getRegister } from "../src/protocol/state/register.ts";
import { honestNodes, siege, type SiegeReport } from "../test/hostile/siege.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    each: { type: "string", default: "3" },
    tombstones: { type: "string", default: "100000" },
    authors: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

function lostOf({ arena, written }: SiegeReport): number {
  const isAt = (key: string): boolean =>
    arena.honest.every(({ state, clock }) => {
      const record = getRegister(state, "default", key, clock.wallMs());
      return record !== undefined && Buffer.from(record.value.bytes).toString() === key;
    });
  return written.filter((key) => !isAt(key)).length;
}

const folder = mkdtempSync(join(tmpdir(), "coterie-hostile-"));
try {
  const report = await siege({
    folder,
    seed: Number(values.seed),
    each: Number(values.each),
    forMs: Number(values.seconds) * 1_000,
    tombstones: Number(values.tombstones),
    authors: Number(values.authors),
  });
  const { arena, curve, equalMs, longestMs, written } = report;
  const misjudged = arena.attackers
    .filter(({ net, attack }) => arena.isBannedSomewhere(net.self) !== (attack.ends === "banned"))
    .map(({ name }) => name);
  const summary = {
    honest: honestNodes,
    hostile: arena.attackers.length,
    written: written.length,
    lost: lostOf(report),
    equalMs: Math.round(equalMs),
    longestTimerMs: Math.round(longestMs),
    misjudged,
    entries: arena.honest.map(({ state }) => state.summary("default").count),
    rssMiB: [0, 0.25, 0.5, 0.75].map((at) => Math.round(curve.mean("rssMiB", at, at + 0.25))),
    heapMiB: [0, 0.25, 0.5, 0.75].map((at) => Math.round(curve.mean("heapMiB", at, at + 0.25))),
  };
  if (values.out !== undefined) {
    mkdirSync(values.out, { recursive: true });
    writeFileSync(join(values.out, "memory.csv"), curve.csv());
    writeFileSync(join(values.out, "memory.svg"), curve.svg());
  }
  console.log(values.json ? JSON.stringify(summary) : summary);
  await arena.end();
  process.exitCode = summary.lost === 0 && misjudged.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
