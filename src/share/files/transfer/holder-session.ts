/**
 * One holder, as the asker sees it: wants go out in frames, answers come back in their order. How much is asked ahead grows
 * with what was answered and stays within `blockWindowBytes`, so that a slow holder sits on little.
 */
import type { CID } from "multiformats/cid";
import { CoterieError } from "../../../core/errors.ts";
import { limits } from "../../../core/limits.ts";
import type { BulkChannel, Clock } from "../../../core/ports.ts";
import type { BlockBuffers } from "./block-buffers.ts";
import { ByteReader } from "./byte-reader.ts";
import {
  answerBytes,
  decodeAnswers,
  encodeWants,
  groupHeadBytes,
  groupLength,
  type AnswerHead,
} from "./frames.ts";

export type Asked<W> = { readonly want: W; readonly askedAtMs: number };
export type Answer<W> = { readonly want: W; readonly head: AnswerHead; readonly bytes: Uint8Array };

const watchMs = 1_000;
/** Of the window. */
const askedAtOnceMin = 1 / 4;
/** Until the first block has come. */
const sizeGuess = limits.blockWindowBytes / limits.blockWindowFirst;

export class HolderSession<W extends { readonly cid: CID }> {
  readonly channel: BulkChannel;
  readonly #clock: Clock;
  readonly #reader: ByteReader;
  readonly #asked: Asked<W>[] = [];
  /** Heads of the group that is being read. */
  readonly #heads: AnswerHead[] = [];
  #window: number = limits.blockWindowFirst;
  #meanBytes = sizeGuess;
  #cancelWatch: (() => void) | undefined;

  constructor(channel: BulkChannel, clock: Clock, buffers: BlockBuffers) {
    this.channel = channel;
    this.#clock = clock;
    this.#reader = new ByteReader(channel.chunks, clock, buffers);
    this.#watch();
  }

  /** Asked and not answered, the oldest first. */
  get asked(): readonly Asked<W>[] {
    return this.#asked;
  }

  /** How many more may be asked now; none until it is a part of the window, since a frame for each block has its price. */
  get room(): number {
    const byBytes = Math.max(2, Math.floor(limits.blockWindowBytes / this.#meanBytes));
    const window = Math.min(this.#window, byBytes);
    const room = Math.max(0, window - this.#asked.length);
    return room >= window * askedAtOnceMin ? room : 0;
  }

  async ask(wants: readonly W[]): Promise<void> {
    const askedAtMs = this.#clock.monotonicMs();
    for (const want of wants) this.#asked.push({ want, askedAtMs });
    for (let at = 0; at < wants.length; at += limits.blockWantsPerFrameMax) {
      const part = wants.slice(at, at + limits.blockWantsPerFrameMax);
      await this.channel.write(encodeWants(part.map(({ cid }) => cid)));
    }
  }

  /** The answer to the oldest want. Throws `UNREACHABLE`, `TIMEOUT` or `BAD_FORMAT`. */
  async next(): Promise<Answer<W>> {
    const head = this.#heads.shift() ?? (await this.#nextGroup());
    const bytes = await this.#reader.take(head.size);
    const asked = this.#asked.shift();
    if (asked === undefined) throw new CoterieError("BAD_FORMAT", "nothing was asked");
    if (head.kind === "block") this.#grow(bytes.length);
    return { want: asked.want, head, bytes };
  }

  /** Takes back what was not answered, since the holder is given up. */
  giveUp(reason: Error): W[] {
    this.#cancelWatch?.();
    this.channel.abort(reason);
    return this.#asked.splice(0).map(({ want }) => want);
  }

  /** Nothing is owed; the holder has a while to end its side. */
  async end(): Promise<void> {
    this.#cancelWatch?.();
    const late = new CoterieError("TIMEOUT", "the holder does not end");
    const cancel = this.#clock.after(limits.blockAnswerMs, () => this.channel.abort(late));
    this.channel.onClose(cancel);
    await this.channel.end();
  }

  async #nextGroup(): Promise<AnswerHead> {
    const head = await this.#reader.take(groupHeadBytes);
    const count = groupLength(head, this.#asked.length);
    const [first, ...others] = decodeAnswers(await this.#reader.take(count * answerBytes));
    this.#heads.push(...others);
    return first!;
  }

  #grow(bytes: number): void {
    this.#window = Math.min(this.#window + 1, limits.blockWindowMax);
    this.#meanBytes += (bytes + 1 - this.#meanBytes) / 8;
  }

  #watch(): void {
    this.#cancelWatch = this.#clock.after(watchMs, () => {
      if (this.#asked.length > 0 && this.#reader.waitedMs > limits.blockAnswerMs) {
        this.channel.abort(new CoterieError("TIMEOUT", "the holder does not answer"));
      } else {
        this.#watch();
      }
    });
  }
}
