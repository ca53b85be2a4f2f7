import type { LiveNode } from "../../testnet/nodes.ts";
import type { Cluster } from "./cluster.ts";
import { demand, percentile, rounded, type Measure } from "./measure.ts";

const namespace = "default";
const prefix = "latency/";
const puts = 100;

/** Tells when a key has been read on one node: seen in its `watch`, then got with the value that was put. */
class Reader {
  readonly #node: LiveNode;
  readonly #wanted = new Map<string, () => void>();
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;

  constructor(node: LiveNode) {
    this.#node = node;
    this.#watching = this.#watch();
  }

  async readAt(key: string, value: string): Promise<number> {
    await new Promise<void>((resolve) => this.#wanted.set(key, resolve));
    const { bytes } = await this.#node.client.kvGetRaw(namespace, key);
    const now = performance.now();
    demand(Buffer.from(bytes).toString() === value, `${this.#node.node.name} read what was put`);
    return now;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const { key } of this.#node.client.kvWatch(
        namespace,
        { prefix, cursor: "0" },
        { signal },
      )) {
        this.#wanted.get(key)?.();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** Puts on node 0, one after the other; each counts with the last of the other nodes to have read it. */
export async function measureLatency(cluster: Cluster): Promise<Measure> {
  const [writer, ...others] = cluster.nodes();
  if (writer === undefined) throw new Error("there is no node 0");
  const readers = others.map((node) => new Reader(node));
  const put = async (key: string): Promise<number[]> => {
    const value = `value of ${key}`;
    const reads = readers.map((reader) => reader.readAt(key, value));
    const startedAt = performance.now();
    await writer.client.kvPut(namespace, key, { kind: "text", bytes: Buffer.from(value) });
    return (await Promise.all(reads)).map((readAt) => readAt - startedAt);
  };
  await put(`${prefix}not counted: opens the watches`);
  const each: number[] = [];
  const slowest: number[] = [];
  for (let index = 0; index < puts; index++) {
    const times = await put(`${prefix}${index}`);
    each.push(...times);
    slowest.push(Math.max(...times));
  }
  await Promise.all(readers.map((reader) => reader.stop()));
  return {
    what: `put on node 0 read on all ${others.length} others, p99 of ${puts}`,
    wanted: 300,
    value: rounded(percentile(slowest, 99)),
    unit: "ms",
    details: {
      lastReaderMedian: rounded(percentile(slowest, 50)),
      lastReaderMax: rounded(Math.max(...slowest)),
      anyReaderMedian: rounded(percentile(each, 50)),
      anyReaderP99: rounded(percentile(each, 99)),
    },
  };
}
