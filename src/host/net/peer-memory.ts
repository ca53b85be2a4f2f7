/**
 * libp2p's records of peers (and the DHT's), in memory and bounded: forged DHT answers can name any number of peers.
 * What was written or read least recently goes first, this node's own record never.
 */
import { MemoryDatastore } from "datastore-core";
import type { PeerId } from "@libp2p/interface";
import type { Key } from "interface-datastore";
import { limits } from "../../core/limits.ts";
import type { Metrics } from "../../core/ports.ts";

const valueBytesMax = 64 * 1024;

export class PeerMemory extends MemoryDatastore {
  readonly #metrics: Metrics;
  readonly #own: string;
  /** Least recently used first. */
  readonly #recent = new Map<string, Key>();

  constructor(self: PeerId, metrics: Metrics) {
    super();
    this.#metrics = metrics;
    this.#own = `/peers/${self.toCID().toString()}`;
  }

  override put(key: Key, value: Uint8Array): Key {
    if (value.length > valueBytesMax) {
      this.#metrics.count("net.peer_records_dropped");
      return key;
    }
    this.#touch(key);
    void super.put(key, value);
    this.#evict();
    return key;
  }

  override get(key: Key): Uint8Array {
    const value = super.get(key) as Uint8Array;
    this.#touch(key);
    return value;
  }

  override delete(key: Key): void {
    this.#recent.delete(key.toString());
    void super.delete(key);
  }

  #touch(key: Key): void {
    const name = key.toString();
    if (name === this.#own) return;
    this.#recent.delete(name);
    this.#recent.set(name, key);
  }

  #evict(): void {
    if (this.#recent.size <= limits.peersKnownMax) return;
    const oldest = this.#recent.values().next().value;
    if (oldest !== undefined) this.delete(oldest);
    this.#metrics.count("net.peer_records_dropped");
  }
}
