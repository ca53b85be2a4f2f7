/**
 * Provider records in the network's DHT (kad-dht: the K closest to a hash keep them, for 48 hours, in memory). Records go
 * with those who keep them, so each is made anew at an interval, one at a time; one that could not be made is tried again
 * sooner. The DHT takes SHA-256 multihashes.
 */
import { CID } from "multiformats/cid";
import { decode as decodeMultihash } from "multiformats/hashes/digest";
import { badFormat, bytesName } from "../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics, PeerName, Providers, Random } from "../../core/ports.ts";
import type { NetNode } from "./create-node.ts";
import type { DialBudget } from "./dial-budget.ts";

export type ProvidedParts = {
  readonly node: NetNode;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly budget: DialBudget;
};

type Entry = { readonly key: CID; dueMs: number };

const rawCode = 0x55;

export class Provided implements Providers {
  readonly #parts: ProvidedParts;
  readonly #entries = new Map<string, Entry>();
  readonly #stopping = new AbortController();
  #cancel: (() => void) | undefined;

  constructor(parts: ProvidedParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#cancel = this.#parts.clock.after(limits.reprovideLookMs, () => void this.#look());
  }

  stop(): void {
    this.#stopping.abort();
    this.#cancel?.();
  }

  /** Throws `OVERLOADED` when too many are provided, and what the DHT failed with; it is tried again all the same. */
  async provide(hash: Uint8Array, signal: AbortSignal): Promise<void> {
    const key = keyOf(hash);
    const name = bytesName(hash);
    if (!this.#entries.has(name) && this.#entries.size >= limits.providedMax) {
      throw new CoterieError("OVERLOADED", `no more than ${limits.providedMax} roots are provided`);
    }
    const entry = { key, dueMs: 0 };
    this.#entries.set(name, entry);
    await this.#announce(entry, signal);
  }

  withdraw(hash: Uint8Array): void {
    this.#entries.delete(bytesName(hash));
  }

  async *find(hash: Uint8Array, signal: AbortSignal): AsyncGenerator<PeerName> {
    const { node, log, budget } = this.#parts;
    const until = [signal, this.#stopping.signal, AbortSignal.timeout(limits.findProvidersMs)];
    const key = keyOf(hash);
    const found = node.contentRouting.findProviders(key, { signal: AbortSignal.any(until) });
    const end = budget.lookup();
    let count = 0;
    try {
      for await (const { id } of found) {
        if (id.equals(node.peerId)) continue;
        yield id.toString();
        if (++count >= limits.providersMax) return;
      }
    } catch (error) {
      if (signal.aborted) throw new CoterieError("ABORTED", "the search was cancelled");
      log.debug("a search for providers ended early", { reason: toCoterieError(error).message });
    } finally {
      end();
    }
  }

  async #announce(entry: Entry, signal: AbortSignal): Promise<void> {
    const { node, clock, random, metrics, budget } = this.#parts;
    const until = [signal, this.#stopping.signal, AbortSignal.timeout(limits.provideMs)];
    entry.dueMs = clock.monotonicMs() + limits.reprovideRetryMs;
    const end = budget.lookup();
    try {
      await node.contentRouting.provide(entry.key, { signal: AbortSignal.any(until) });
    } catch (error) {
      metrics.count("net.provides_failed");
      throw new CoterieError("UNREACHABLE", `cannot provide: ${toCoterieError(error).message}`);
    } finally {
      end();
    }
    metrics.count("net.provides");
    entry.dueMs = clock.monotonicMs() + limits.reprovideMs * (0.75 + random.float() / 2);
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stopping;
    for (const [name, entry] of this.#entries) {
      if (entry.dueMs > clock.monotonicMs() || !this.#entries.has(name)) continue;
      await this.#announce(entry, signal).catch((error: unknown) => {
        log.debug("a root was not provided again", { reason: toCoterieError(error).message });
      });
      if (signal.aborted) return;
    }
    if (!signal.aborted) this.start();
  }
}

function keyOf(hash: Uint8Array): CID {
  try {
    return CID.createV1(rawCode, decodeMultihash(hash));
  } catch {
    return badFormat("not a multihash");
  }
}
