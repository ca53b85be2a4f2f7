/**
 * The replica as sessions see it: what a peer brings is taken within its budget of new authors. What is over it counts as
 * refused without fault, so the session remembers it and asks again later.
 */
import { bytesName } from "../core/codec.ts";
import type { Clock, IngestResult, Metrics, PeerName, Replica } from "../core/ports.ts";
import type { Admission } from "../protocol/gossip/admission.ts";
import { peekBundle, type BundleHead } from "../protocol/state/bundle-head.ts";

export type MeteredReplicaParts = {
  readonly replica: Replica;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

export class MeteredReplica implements Replica {
  readonly #parts: MeteredReplicaParts;
  readonly #replica: Replica;

  constructor(parts: MeteredReplicaParts) {
    this.#parts = parts;
    this.#replica = parts.replica;
  }

  ingestAll(
    bundles: readonly Uint8Array[],
    from: PeerName,
    nowMs: number,
  ): readonly IngestResult[] {
    const heads = bundles.map(peekBundle);
    const taken = heads.map((head) => this.#isTaken(head, from));
    const admitted = bundles.filter((_, index) => taken[index]);
    const results = this.#replica.ingestAll(admitted, from, nowMs).values();
    return heads.map((head, index) => {
      if (taken[index] !== true) return delayed(head);
      const result = results.next().value ?? delayed(head);
      if (head !== undefined && result.applied + result.known > 0) {
        this.#parts.admission.sound(bytesName(head.author));
      }
      return result;
    });
  }

  #isTaken(head: BundleHead | undefined, from: PeerName): boolean {
    if (head === undefined) return true; // and found to be no bundle
    const { admission, clock, metrics } = this.#parts;
    const taken = admission.session(from, bytesName(head.author), clock.monotonicMs());
    if (!taken) metrics.count("sync.new_authors");
    return taken;
  }

  namespaces: Replica["namespaces"] = () => this.#replica.namespaces();
  promote: Replica["promote"] = (nowMs) => this.#replica.promote(nowMs);
  summary: Replica["summary"] = (...range) => this.#replica.summary(...range);
  items: Replica["items"] = (...range) => this.#replica.items(...range);
  nth: Replica["nth"] = (...place) => this.#replica.nth(...place);
  has: Replica["has"] = (...item) => this.#replica.has(...item);
  bundles: Replica["bundles"] = (...items) => this.#replica.bundles(...items);
  stream: Replica["stream"] = (...range) => this.#replica.stream(...range);
}

function delayed(head: BundleHead | undefined): IngestResult {
  const refused = head?.entries ?? 1;
  const reason = "the peer introduced too many authors within an hour";
  return { applied: 0, known: 0, quarantined: 0, refused, reason, invalid: false };
}
