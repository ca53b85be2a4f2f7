/** The simulation of what was measured on real daemons: the same size, writer and rate, on shared cores. */
import { runDetect } from "../../test/sim/scale/detect.ts";
import { linkProfiles } from "../../test/sim/scale/links.ts";
import { runSpread } from "../../test/sim/scale/spread.ts";
import type { Measured } from "./daemons.ts";

export type Compared = {
  readonly nodes: number;
  readonly lines: readonly {
    readonly what: string;
    readonly daemons: number | null;
    readonly simulated: number;
  }[];
};

/** A put of a short value, as measured: kind, header, signature and entry. */
export const putBytes = 276;

export function compare(measured: Measured, seed: number): Compared {
  const { nodes, cores, writes, writesPerSecond, kills } = measured;
  const machine = { nodes, seed, links: linkProfiles.loopback, sharedCores: cores };
  const one = { ...machine, writes, writesPerSecond, messageBytes: putBytes, writer: 0 };
  const spread = runSpread(one);
  const quiet = { victims: kills, fullRoster: true, idleMs: 10_000, stallsMs: 0 };
  const detect = runDetect({ ...machine, ...quiet });
  const busy = measured.busyBytesPerNodeAndSecond;
  const idle = measured.idleBytesPerNodeAndSecond;
  const written = busy === null || idle === null ? null : busy - idle;
  const line = (what: string, daemons: number | null, simulated: number) => ({
    what,
    daemons,
    simulated,
  });
  return {
    nodes,
    lines: [
      line("connections", measured.connections, spread.connections),
      line("mesh peers", measured.meshPeers, spread.meshPeers),
      line("copies", measured.copies, spread.copies),
      line("visible, median of all pairs, ms", measured.visibleMs.p50, spread.pairP50Ms),
      line("visible, p99 of all pairs, ms", measured.visibleMs.p99, spread.pairP99Ms),
      line("visible on the last node, median, ms", measured.lastVisibleMs.p50, spread.allMs),
      line("bytes/s a node for the writes", written, spread.bytesPerNodeAndSecond),
      line(
        "killed: `failed`, median of all pairs, ms",
        measured.failedMs.p50,
        detect.killed.pairP50Ms,
      ),
      line(
        "killed: `failed`, p99 of all pairs, ms",
        measured.failedMs.p99,
        detect.killed.pairP99Ms,
      ),
      line(
        "killed: `failed` on the last node, median, ms",
        measured.lastFailedMs.p50,
        detect.killed.allMs,
      ),
      line(
        "at rest, bytes/s a node (simulated: probes alone)",
        idle,
        detect.idleBytesPerNodeAndSecond,
      ),
    ],
  };
}
