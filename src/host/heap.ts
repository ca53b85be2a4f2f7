/** What the daemon asks of V8's collector of garbage. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The first that counts buffers with the heap if asked to; older ones would complain of the flag. */
const v8Min = 13.6;

/**
 * V8 collects everything each time 64 MiB of buffers were made, however small the heap. Each byte that comes over libp2p
 * lies in several (read, decrypted, joined), so 1 GiB took 160 collections: a fifth of a transfer's CPU. Here buffers
 * count as a part of the heap, under its own limit.
 */
export function countBuffersWithHeap(): void {
  if (Number.parseFloat(process.versions.v8) < v8Min) return;
  setFlagsFromString("--external-memory-accounted-in-global-limit");
}

/**
 * Collects garbage once, completely. Starting up leaves about 35 MB of it (compiled schemas, parsed modules), and an idle
 * daemon allocates so little that V8 would keep it for minutes (measured: 136 MB resident, 101 MB after).
 */
export function trimHeap(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  collect();
}
