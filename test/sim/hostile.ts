/**
 * A member with a valid key that breaks the rules, in one way at a time and once a second. Its attacks are those of
 * test/hostile, brought under virtual time.
 */
import { encodeUtf8 } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import type { FrameChannel, PeerName } from "../../src/core/ports.ts";
import { encodeBundleMessage } from "../../src/protocol/gossip/message.ts";
import { membersTopic, stateTopic } from "../../src/protocol/gossip/topics.ts";
import { decodeNews, encodeNews, isNews } from "../../src/protocol/membership/news.ts";
import { decodeProbeFrame } from "../../src/protocol/membership/probe-frames.ts";
import type { Statement } from "../../src/protocol/membership/statement.ts";
import { classes, type Entry } from "../../src/protocol/state/entry.ts";
import { encodeFrame, type Frame } from "../../src/protocol/sync/frames.ts";
import { fingerprintOf } from "../../src/protocol/sync/negentropy.ts";
import { makeBatch, network, register, stampOf, testWriter } from "../state/fixture.ts";
import type { AttackKind } from "./plan.ts";
import type { Prng } from "./prng.ts";
import { SimNet, type Internet } from "./sim-net.ts";
import { epochMs } from "./sim-node.ts";
import { ProcessClock } from "./virtual-clock.ts";

const everyMs = 1_000;
const topic = stateTopic(network, "default");

export class Hostile {
  readonly writer = testWriter("mallory");
  readonly net: SimNet;
  readonly #clock: ProcessClock;
  readonly #prng: Prng;
  #seq = 0n;
  /** Latest statements of others. */
  readonly #statements = new Map<PeerName, Statement>();
  #isLying = false;

  constructor(internet: Internet, prng: Prng, victims: readonly PeerName[]) {
    const { time } = internet.wires;
    this.#prng = prng;
    this.#clock = new ProcessClock(time, () => epochMs + Math.floor(time.nowMs));
    this.net = new SimNet({
      internet,
      self: this.writer.identity.peer,
      name: "mallory",
      clock: this.#clock,
      prng: prng.fork("net"),
      connectionsWanted: 100,
      banned: () => undefined,
    });
    for (const subscribed of [topic, membersTopic(network)]) this.net.gossip.subscribe(subscribed);
    this.net.gossip.onMessage((name, data) => {
      if (name !== topic && isNews(data)) this.#hear(decodeNews(data).statement);
      return "accept";
    });
    this.net.onProbe((channel) => void this.#listen(channel));
    this.net.onPull(() => undefined);
    this.net.onSync((channel) => void this.#answer(channel));
    this.net.start(victims);
  }

  /** Goes on with it until the returned function is called. */
  attack(kind: AttackKind, target: PeerName): () => void {
    let isOver = false;
    const strike = (): void => {
      if (isOver) return;
      this.#isLying = kind === "lying sessions";
      void unlessCut(() => this.#strike(kind, target));
      this.#clock.after(everyMs, strike);
    };
    strike();
    return () => {
      isOver = true;
      this.#isLying = false;
    };
  }

  end(): void {
    this.net.stop();
    this.#clock.end();
  }

  async #strike(kind: AttackKind, target: PeerName): Promise<void> {
    switch (kind) {
      case "garbage frames":
        return this.#garbage(target);
      case "broken bundles":
        return this.#broken(target);
      case "equivocation":
        return this.#equivocate();
      case "contexts":
        return this.#gossip([
          this.#reaching("m0", "multi"),
          this.#reaching("s\u001felement 0", "set"),
        ]);
      case "future": {
        const aheadMs = this.#prng.pick([30_000, 59_000, 61_000, 86_400_000]);
        return this.#gossip([register(`x${this.#prng.below(3)}`, "future")], { aheadMs });
      }
      case "lying sessions":
        return this.#claim(target);
      case "false suspicions":
        for (const statement of this.#statements.values()) {
          if (statement.left) continue;
          const news = encodeNews({ statement, accused: true });
          await this.net.gossip.publish(membersTopic(network), news);
        }
        return;
      case "forged lives": {
        const known = this.#statements.get(target);
        if (known === undefined) return;
        const statement = { ...known, incarnation: known.incarnation + 5 };
        await this.net.gossip.publish(
          membersTopic(network),
          encodeNews({ statement, accused: true }),
        );
        return;
      }
      case "another version": {
        const kinds = [topic, membersTopic(network)];
        for (const name of kinds) {
          const body = Uint8Array.of(9, ...this.#prng.bytes(20));
          await this.net.gossip.publish(name, body);
        }
        const unknown = Uint8Array.of(11, 1, this.#prng.below(256));
        await this.#gossip([{ ...register(`x${this.#prng.below(3)}`, "newer"), unknown }]);
      }
    }
  }

  async #garbage(target: PeerName): Promise<void> {
    const { signal } = new AbortController();
    const opens = [this.net.openSync, this.net.openPull, this.net.openProbe];
    const channel = await this.#prng.pick(opens).call(this.net, target, signal);
    await channel.send(this.#prng.bytes(1 + this.#prng.below(300)));
    await channel.close();
  }

  async #broken(target: PeerName): Promise<void> {
    const message = encodeBundleMessage(this.#bundle([register("x0", "broken")]));
    if (message === undefined) return;
    message[this.#prng.below(message.length)]! ^= 1 << this.#prng.below(8);
    this.net.gossip.force(target, topic, message);
  }

  /** One to each of two halves, both for one place. */
  async #equivocate(): Promise<void> {
    const peers = this.net.connected();
    this.#seq++;
    for (const [index, peer] of peers.entries()) {
      const entries = [register(`x${this.#prng.below(2)}`, `to ${index % 2}`)];
      const message = encodeBundleMessage(this.#bundle(entries));
      if (message !== undefined) this.net.gossip.force(peer, topic, message);
    }
  }

  async #gossip(entries: readonly Entry[], { aheadMs = 0 } = {}): Promise<void> {
    this.#seq++;
    const message = encodeBundleMessage(this.#bundle(entries, aheadMs));
    if (message !== undefined) await this.net.gossip.publish(topic, message);
  }

  #bundle(entries: readonly Entry[], aheadMs = 0): Uint8Array {
    const seq = this.#seq === 0n ? 1n : this.#seq;
    const prev = seq === 1n ? {} : { prev: sha256(Uint8Array.of(Number(seq & 0xffn))) };
    const stamp = stampOf(this.#clock.wallMs() + aheadMs, this.#prng.below(50));
    return makeBatch({ writer: this.writer, network, seq, stamp, entries, ...prev }).bundle();
  }

  /** Claims to have seen all that any writer may have written. */
  #reaching(key: string, type: string): Entry {
    const writers = [...this.#statements.values()].map(({ node }) => node).slice(0, 8);
    const context = writers
      .map((node) => ({
        writer: Uint8Array.from([...node, ...this.#prng.bytes(8)]),
        stamp: stampOf(this.#clock.wallMs() - 10),
      }))
      .toSorted((a, b) => Buffer.compare(a.writer, b.writer));
    const body = encodeUtf8("\u0001hostile");
    return { class: classes.context, type, key, body, context };
  }

  async #claim(target: PeerName): Promise<void> {
    const { signal } = new AbortController();
    const channel = await this.net.openSync(target, signal);
    await channel.send(encodeFrame(this.#hello()));
    for await (const frame of channel.frames) {
      if (frame.length === 0) break;
      const digest = { count: 7, fingerprint: this.#prng.bytes(16) };
      const lies: Frame[] = [
        { kind: "end", namespace: "default", digest, dealt: 40, next: undefined },
        { kind: "neg", namespace: "default", hold: false, message: Uint8Array.of(0x61) },
        { kind: "data", parts: [this.#bundle([register("x1", "unasked")])], more: false },
        { kind: "hint", asOfMs: this.#clock.wallMs() - 2_000, root: this.#prng.bytes(16) },
      ];
      await channel.send(encodeFrame(this.#prng.pick(lies)));
    }
  }

  #hello(): Frame {
    const sum = new Uint8Array(32).fill(this.#prng.below(256));
    const digest = {
      namespace: "default",
      count: 60,
      fingerprint: fingerprintOf({ count: 60, sum }),
    };
    return { kind: "hello", wallMs: this.#clock.wallMs(), digests: [digest], heard: [] };
  }

  async #answer(channel: FrameChannel): Promise<void> {
    await unlessCut(async () => {
      for await (const frame of channel.frames) {
        if (this.#isLying && frame.length > 0) await channel.send(encodeFrame(this.#hello()));
      }
      await channel.close();
    });
  }

  async #listen(channel: FrameChannel): Promise<void> {
    await unlessCut(async () => {
      for await (const bytes of channel.frames) {
        const frame = decodeProbeFrame(bytes);
        if (frame.kind === "table") for (const { statement } of frame.news) this.#hear(statement);
      }
    });
  }

  #hear(statement: Statement): void {
    const known = this.#statements.get(statement.peer);
    if (statement.peer === this.net.self || this.#statements.size > 64) return;
    if (known === undefined || known.incarnation < statement.incarnation) {
      this.#statements.set(statement.peer, statement);
    }
  }
}

/** Being cut off is what it has to live with. */
async function unlessCut(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
