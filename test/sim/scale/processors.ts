/**
 * Who works when. Each node does one thing at a time, as a process with one event loop does. In the world each has a
 * processor to itself; on the machine of the calibration all nodes share a few cores, first come, first served.
 */
export class Processors {
  readonly #busyUntilMs: Float64Array;
  /** Of the shared cores; empty when each node has its own. */
  readonly #coresMs: Float64Array;

  constructor(nodes: number, sharedCores: number | undefined) {
    this.#busyUntilMs = new Float64Array(nodes);
    this.#coresMs = new Float64Array(sharedCores ?? 0);
  }

  /** Takes up work that came at `nowMs`; returns when it is done. */
  spend(node: number, nowMs: number, costMs: number): number {
    let startMs = Math.max(nowMs, this.#busyUntilMs[node]!);
    const core = this.#freest();
    if (core !== undefined) startMs = Math.max(startMs, this.#coresMs[core]!);
    const doneMs = startMs + costMs;
    if (core !== undefined) this.#coresMs[core] = doneMs;
    this.#busyUntilMs[node] = doneMs;
    return doneMs;
  }

  /** The process stands still, as a stopped or starved one does. */
  stall(node: number, untilMs: number): void {
    this.#busyUntilMs[node] = Math.max(this.#busyUntilMs[node]!, untilMs);
  }

  #freest(): number | undefined {
    const cores = this.#coresMs;
    if (cores.length === 0) return undefined;
    let freest = 0;
    for (let core = 1; core < cores.length; core++) {
      if (cores[core]! < cores[freest]!) freest = core;
    }
    return freest;
  }
}
