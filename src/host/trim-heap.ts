/**
 * Collects garbage once, completely. Starting up leaves about 35 MB of it (compiled schemas, parsed modules), and an idle
 * daemon allocates so little that V8 would keep it for minutes (measured: 136 MB resident, 101 MB after).
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export function trimHeap(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  collect();
}
