/**
 * `npm run watch -- [--kills 20]`: a watcher that resumes at its cursor, of a daemon killed with -9 again and again. Exit
 * code 0 only if no final state was missed and none told twice.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { watchRounds } from "../test/daemon/watch-rounds.ts";

const { values } = parseArgs({ options: { kills: { type: "string", default: "20" } } });
const folder = mkdtempSync(join(tmpdir(), "coterie-watch-"));
try {
  const { kills, events, missed, repeated } = await watchRounds(folder, Number(values.kills));
  console.log(
    `${kills} kills, ${events} events, ${missed.length} final states missed, ${repeated} told twice`,
  );
  for (const key of missed) console.log(`  missed: ${key}`);
  process.exitCode = missed.length === 0 && repeated === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
