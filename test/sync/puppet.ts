/** One machine and, by hand, everything that happens to it. */
import { encodeUtf8 } from "../../src/core/codec.ts";
import { peerNameOf } from "../../src/core/ids.ts";
import { sha256 } from "../../src/core/identity.ts";
import type { PeerName } from "../../src/core/ports.ts";
import type { Digest } from "../../src/protocol/sync/digests.ts";
import type { SyncEffect, SyncInput } from "../../src/protocol/sync/effects.ts";
import { decodeFrame, encodeFrame, type Frame } from "../../src/protocol/sync/frames.ts";
import { fingerprintOf } from "../../src/protocol/sync/negentropy.ts";
import { Sync } from "../../src/protocol/sync/sync.ts";
import { seededRandom } from "../seeded-random.ts";
import { entriesIn, ReferenceReplica } from "./reference-replica.ts";
import { epochMs, intervalMs } from "./world.ts";

export type EffectOf<K extends SyncEffect["kind"]> = Extract<SyncEffect, { kind: K }>;

const names = Array.from({ length: 30 }, (_, index) => peerNameOf(sha256(encodeUtf8(`p${index}`))));
/** The machine under test has the smallest name, so that it opens sessions at once. */
export const [self = "", ...others] = names.toSorted();

export function digest(count: number, byte = 7): Digest {
  return { count, fingerprint: fingerprintOf({ count, sum: new Uint8Array(32).fill(byte) }) };
}

export class Puppet {
  readonly replica = new ReferenceReplica();
  readonly effects: SyncEffect[] = [];
  readonly sync: Sync;
  heard: { member: PeerName; ageMs: number }[] = [];
  nowMs = 1_000_000;
  #wakeupMs: number | undefined;

  constructor(seed = 1) {
    const { replica } = this;
    this.sync = new Sync({
      self,
      replica,
      entriesIn,
      random: seededRandom(seed),
      heard: () => this.heard,
      intervalMs,
    });
  }

  handle(input: SyncInput): void {
    const effects = this.sync.handle(input, {
      wallMs: epochMs + this.nowMs,
      monotonicMs: this.nowMs,
    });
    this.effects.push(...effects);
    for (const effect of effects) if (effect.kind === "wakeup") this.#wakeupMs = effect.atMs;
  }

  /** Lets time pass, with all wakeups in it. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.#wakeupMs !== undefined && this.#wakeupMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.#wakeupMs);
      this.#wakeupMs = undefined;
      this.handle({ kind: "wakeup" });
    }
    this.nowMs = endMs;
  }

  up(peer: PeerName): void {
    this.handle({ kind: "peer", peer, up: true });
  }

  accept(session: number, peer: PeerName): void {
    this.handle({ kind: "accepted", session, peer });
  }

  frame(session: number, frame: Frame): void {
    this.handle({ kind: "frame", session, bytes: encodeFrame(frame) });
    this.pass(0);
  }

  hello(session: number, namespaces: Record<string, Digest> = {}): void {
    const digests = Object.entries(namespaces)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([namespace, value]) => ({ namespace, ...value }));
    this.frame(session, { kind: "hello", wallMs: epochMs + this.nowMs, digests, heard: [] });
  }

  seen<K extends SyncEffect["kind"]>(kind: K): EffectOf<K>[] {
    return this.effects.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }

  sent(session: number): Frame[] {
    return this.seen("send").flatMap((effect) =>
      effect.session === session ? [decodeFrame(effect.frame)] : [],
    );
  }

  lastSent(session: number): Frame {
    return this.sent(session).at(-1)!;
  }

  aborted(session: number): string | undefined {
    return this.seen("abort").find((effect) => effect.session === session)?.code;
  }

  /** Code of the last charge. */
  charged(): string | undefined {
    return this.seen("charge").at(-1)?.code;
  }
}
