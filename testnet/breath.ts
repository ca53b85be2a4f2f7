/** Whether the machine has cores to spare. */
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const lookMs = 100;
const idleShareEnough = 0.15;

function times(): { idle: number; all: number } {
  const found = cpus().map(({ times: { idle, user, nice, sys, irq } }) => ({
    idle,
    all: idle + user + nice + sys + irq,
  }));
  return {
    idle: found.reduce((sum, { idle }) => sum + idle, 0),
    all: found.reduce((sum, { all }) => sum + all, 0),
  };
}

/** Resolves when some of its time goes unused, or when the time is up: others may have taken the machine for long. */
export async function waitForBreath(timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const before = times();
    await sleep(lookMs, undefined, { signal });
    const now = times();
    if (now.idle - before.idle > idleShareEnough * (now.all - before.all)) return;
  }
}
