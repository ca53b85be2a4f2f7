/**
 * A network namespace of its own for a program that measures, so that the bytes on the loopback interface are its alone.
 * Needs no root where the system lets users make namespaces.
 */
import { spawnSync } from "node:child_process";

const mark = "COTERIE_OWN_LOOPBACK";

export const hasOwnLoopback = process.env[mark] !== undefined;

/** Runs this program again in such a namespace and returns its exit code; undefined where it is in one, or may not be. */
export function withOwnLoopback(): number | undefined {
  if (hasOwnLoopback) return undefined;
  const trial = spawnSync("unshare", ["-rn", "ip", "link", "set", "lo", "up"], { stdio: "ignore" });
  if (trial.status !== 0) return undefined;
  const words = process.argv.slice(1);
  const script = 'ip link set lo up && exec "$@"';
  const run = spawnSync("unshare", ["-rn", "sh", "-c", script, "sh", process.execPath, ...words], {
    stdio: "inherit",
    env: { ...process.env, [mark]: "1" },
  });
  return run.status ?? 1;
}
