/** A session spoken by hand: frames out, frames in. */
import type { FrameChannel } from "../../src/core/ports.ts";
import { decodeFrame, encodeFrame, type Frame } from "../../src/protocol/sync/frames.ts";
import { fingerprintOf } from "../../src/protocol/sync/negentropy.ts";
import type { Attacker, Honest } from "./arena.ts";

export class Talk {
  readonly #channel: FrameChannel;
  readonly #frames: AsyncIterator<Uint8Array>;

  constructor(channel: FrameChannel) {
    this.#channel = channel;
    this.#frames = channel.frames[Symbol.asyncIterator]();
  }

  async say(...frames: readonly Frame[]): Promise<void> {
    for (const frame of frames) await this.#channel.send(encodeFrame(frame));
  }

  sayBytes(bytes: Uint8Array): Promise<void> {
    return this.#channel.send(bytes);
  }

  /** The next frame; undefined when the other side ended it. */
  async hear(): Promise<Frame | undefined> {
    const next = await this.#frames.next();
    return next.done === true ? undefined : decodeFrame(next.value);
  }

  close(): Promise<void> {
    return this.#channel.close();
  }
}

/** A claim to hold so many entries. */
export function claim(count: number, byte: number): Frame {
  const sum = new Uint8Array(32).fill(byte);
  const digest = { namespace: "default", count, fingerprint: fingerprintOf({ count, sum }) };
  return { kind: "hello", wallMs: Date.now(), digests: [digest], heard: [] };
}

/** Opens a session with the victim; whatever breaks ends it, as it would for a real peer. */
export async function talkTo(
  { net }: Attacker,
  victim: Honest,
  speak: (talk: Talk) => Promise<void>,
): Promise<void> {
  await unlessCut(async () => {
    const channel = await net.openSync(victim.net.self, AbortSignal.timeout(10_000));
    await speak(new Talk(channel));
  });
}

/** Answers every session that an honest node opens. */
export function answerWith({ net }: Attacker, speak: (talk: Talk) => Promise<void>): void {
  net.onSync((channel) => void unlessCut(() => speak(new Talk(channel))));
}

/** Being cut off is what an attacker has to live with. */
async function unlessCut(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
