/**
 * The holder's side: answers wants in their order, reading the next group from the disk while one is on its way. Channels
 * are bounded by peer and in all, what is read ahead on each is too, and every byte of a block is charged to the budget.
 */
import type { CID } from "multiformats/cid";
import { concatBytes } from "../../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import type {
  Budget,
  BulkChannel,
  BulkHandler,
  Clock,
  Log,
  Metrics,
  PeerName,
} from "../../../core/ports.ts";
import type { Blocks } from "../blocks.ts";
import { ByteReader } from "./byte-reader.ts";
import {
  decodeWants,
  encodeGroupHead,
  wantHeadBytes,
  wantsLength,
  type AnswerKind,
} from "./frames.ts";

export type BlockServerParts = {
  readonly blocks: Blocks;
  /** Of what goes up. */
  readonly budget: Budget;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

type Answered = { readonly kind: AnswerKind; readonly bytes: Uint8Array };

const nothing = new Uint8Array(0);
/** Smaller pieces are put together for one write. */
const pieceBytes = 64 * 1024;

export class BlockServer implements BulkHandler {
  readonly #parts: BlockServerParts;
  readonly #open = new Map<PeerName, number>();
  #count = 0;

  constructor(parts: BlockServerParts) {
    this.#parts = parts;
  }

  refuses(peer: PeerName): "OVERLOADED" | undefined {
    const ofPeer = this.#open.get(peer) ?? 0;
    if (ofPeer < limits.blockChannelsPerPeerMax && this.#count < limits.blockChannelsMax)
      return undefined;
    this.#parts.metrics.count("files.channels_refused");
    return "OVERLOADED";
  }

  handle(channel: BulkChannel): void {
    const { peer } = channel;
    this.#count++;
    this.#open.set(peer, (this.#open.get(peer) ?? 0) + 1);
    const serving = new Serving(channel, this.#parts);
    serving
      .run()
      .catch((error: unknown) => {
        const failure = toCoterieError(error);
        this.#parts.log.debug("a transfer ended early", { peer, reason: failure.message });
        channel.abort(failure);
      })
      .finally(() => {
        this.#count--;
        const left = (this.#open.get(peer) ?? 0) - 1;
        if (left > 0) this.#open.set(peer, left);
        else this.#open.delete(peer);
      });
  }
}

/** One channel. */
class Serving {
  readonly #channel: BulkChannel;
  readonly #parts: BlockServerParts;
  readonly #reader: ByteReader;
  readonly #closed = new AbortController();
  readonly #wants: CID[] = [];
  #hasEnded = false;
  #meanBytes = limits.blockGroupBytes / 4;
  #movedAtMs: number;
  #wake: (() => void)[] = [];

  constructor(channel: BulkChannel, parts: BlockServerParts) {
    this.#channel = channel;
    this.#parts = parts;
    this.#reader = new ByteReader(channel.chunks, parts.clock);
    this.#movedAtMs = parts.clock.monotonicMs();
    channel.onClose(() => this.#closed.abort(new CoterieError("UNREACHABLE", "it was closed")));
  }

  /** Resolves when all was answered and the asker has ended. */
  async run(): Promise<void> {
    const cancel = this.#watch();
    try {
      await Promise.all([this.#listen(), this.#answer()]);
      await this.#channel.end();
    } finally {
      cancel();
      this.#closed.abort(new CoterieError("ABORTED", "the transfer is over"));
      this.#rouse();
    }
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const head = await this.#reader.takeUnlessEnded(wantHeadBytes);
        if (head === undefined) return;
        const wants = decodeWants(await this.#reader.take(wantsLength(head)));
        this.#moved();
        this.#wants.push(...wants);
        this.#rouse();
        while (this.#wants.length >= limits.blockWantsQueuedMax && !this.#closed.signal.aborted) {
          await this.#change();
        }
      }
    } finally {
      this.#hasEnded = true;
      this.#rouse();
    }
  }

  async #answer(): Promise<void> {
    let next = this.#read();
    for (;;) {
      const group = await next;
      if (group.length > 0) {
        next = this.#read();
        next.catch(() => undefined); // it is awaited after the sending, which may fail first
        await this.#send(group);
      } else {
        if (this.#wants.length === 0) {
          if (this.#hasEnded) return;
          await this.#change();
        }
        next = this.#read();
      }
    }
  }

  /** The next answers: as many as make about `blockGroupBytes`, none if nothing is asked. */
  async #read(): Promise<Answered[]> {
    const fitting = Math.floor(limits.blockGroupBytes / this.#meanBytes);
    const count = Math.min(Math.max(fitting, 1), limits.blockGroupMax);
    const group = await Promise.all(this.#wants.splice(0, count).map((cid) => this.#get(cid)));
    this.#rouse();
    for (const { bytes } of group) this.#meanBytes += (bytes.length + 1 - this.#meanBytes) / 8;
    return group;
  }

  async #get(cid: CID): Promise<Answered> {
    const { blocks, metrics, log } = this.#parts;
    try {
      const bytes = await blocks.get(cid, this.#closed.signal);
      if (bytes !== undefined) return { kind: "block", bytes };
      metrics.count("files.wants_absent");
      return { kind: "absent", bytes: nothing };
    } catch (error) {
      const { code, message } = toCoterieError(error);
      if (this.#closed.signal.aborted) throw error;
      metrics.count("files.wants_damaged");
      log.warn("a block could not be read for a peer", {
        cid: cid.toString(),
        code,
        reason: message,
      });
      return { kind: "damaged", bytes: nothing };
    }
  }

  async #send(group: readonly Answered[]): Promise<void> {
    const { budget, metrics } = this.#parts;
    const total = group.reduce((sum, { bytes }) => sum + bytes.length, 0);
    await budget.spend(this.#channel.peer, total, this.#closed.signal);
    const heads = group.map(({ kind, bytes }) => ({ kind, size: bytes.length }));
    for (const piece of pieces([encodeGroupHead(heads), ...group.map(({ bytes }) => bytes)])) {
      this.#moved();
      await this.#channel.write(piece);
    }
    this.#moved();
    metrics.count("files.bytes_out", total);
  }

  #moved(): void {
    this.#movedAtMs = this.#parts.clock.monotonicMs();
  }

  /** Nothing asked and nothing taken for long ends the channel; waiting for the budget does not count. */
  #watch(): () => void {
    const { clock } = this.#parts;
    const look = (): void => {
      const idleMs = clock.monotonicMs() - this.#movedAtMs;
      if (idleMs > limits.blockIdleMs) {
        this.#channel.abort(new CoterieError("TIMEOUT", "nothing moves on the channel"));
      } else {
        cancel = clock.after(limits.blockIdleMs / 4, look);
      }
    };
    let cancel = clock.after(limits.blockIdleMs / 4, look);
    return () => cancel();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #rouse(): void {
    for (const resolve of this.#wake.splice(0)) resolve();
  }
}

/** The same bytes, small neighbours together. */
function pieces(parts: readonly Uint8Array[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  const flush = (): void => {
    if (small.length > 0) out.push(small.length === 1 ? small[0]! : concatBytes(...small));
    small = [];
    smallBytes = 0;
  };
  for (const part of parts) {
    if (part.length >= pieceBytes) {
      flush();
      out.push(part);
      continue;
    }
    if (part.length > 0) small.push(part);
    smallBytes += part.length;
    if (smallBytes >= pieceBytes * 4) flush();
  }
  flush();
  return out;
}
