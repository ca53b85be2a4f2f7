/** `npm run crash-files -- [--rounds 50] [--seed N]`: kill -9 rounds on a block store under load; exit code 0 if all is well. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { crashRounds } from "../test/files/crash-rounds.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "50" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});
const folder = mkdtempSync(join(tmpdir(), "coterie-crash-files-"));
try {
  const seed = Number(values.seed);
  const report = await crashRounds({ folder, rounds: Number(values.rounds), seed });
  console.log(JSON.stringify({ ...report, seed }));
  process.exitCode = report.lost.length + report.damaged.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
