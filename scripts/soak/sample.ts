/** What the nodes hold of the machine, looked at every few seconds while the soak lasts. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LiveNode } from "../../testnet/nodes.ts";
import type { Field } from "../partition/field.ts";

const answerMs = 3_000;

export type Sample = {
  readonly node: number;
  /** Since the soak began. */
  readonly atMs: number;
  readonly pid: number;
  readonly rssBytes: number;
  /** Memory of the process's own, without the mapped store; null where the system does not say. */
  readonly ownBytes: number | null;
  readonly heapBytes: number;
  readonly descriptors: number | null;
  readonly connections: number;
  /** The longest since the sample before; null when the node was paused in between. */
  readonly loopDelayMs: number | null;
  readonly storeBytes: number;
  readonly entries: number;
};

export class Sampler {
  readonly samples: Sample[] = [];
  readonly #field: Field;
  readonly #startedAt = performance.now();
  readonly #everyMs: number;
  /** Nodes that were paused since they were last looked at. */
  readonly #paused = new Set<number>();

  constructor(field: Field, everyMs: number) {
    this.#field = field;
    this.#everyMs = everyMs;
  }

  get atMs(): number {
    return performance.now() - this.#startedAt;
  }

  paused(node: number): void {
    this.#paused.add(node);
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let times = 1; !signal.aborted; times++) {
      await Promise.all(this.#field.live().map((live) => this.#look(live)));
      await sleep(Math.max(0, times * this.#everyMs - this.atMs), undefined, { signal }).catch(
        () => undefined, // aborted: this was the last
      );
    }
  }

  async #look(live: LiveNode): Promise<void> {
    const { index } = live.node;
    const wasPaused = this.#paused.delete(index);
    try {
      this.samples.push(await this.#sampleOf(live, wasPaused));
    } catch {
      this.#paused.add(index); // killed or paused meanwhile: the next look tells of more than its own time
    }
  }

  async #sampleOf({ node, client }: LiveNode, wasPaused: boolean): Promise<Sample> {
    const { process: used, connections, state } = await client.status({ timeoutMs: answerMs });
    return {
      node: node.index,
      atMs: this.atMs,
      pid: used.pid,
      rssBytes: used.rssBytes,
      ownBytes: ownBytesOf(used.pid),
      heapBytes: used.heapBytes,
      descriptors: descriptorsOf(used.pid),
      connections,
      loopDelayMs: wasPaused ? null : used.loopDelayMaxMs,
      storeBytes: sizeOf(join(node.dataDir, "store")),
      entries: state.entries,
    };
  }
}

const onLinux = process.platform === "linux";

function ownBytesOf(pid: number): number | null {
  if (!onLinux) return null;
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

function descriptorsOf(pid: number): number | null {
  return onLinux ? readdirSync(`/proc/${pid}/fd`).length : null;
}

/** Blocks on disk, since a store may have holes. */
function sizeOf(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.blocks * 512;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
