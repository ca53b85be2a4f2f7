/**
 * The machines that say who is alive (src/protocol/membership), one per node, with their frames and messages as bytes
 * over the simulated connections, and their timers as late as the node's processor is busy.
 */
import { encodeUtf8 } from "../../../src/core/codec.ts";
import { sha256 } from "../../../src/core/identity.ts";
import { limits } from "../../../src/core/limits.ts";
import type { LifeEffect, LifeInput, Standing } from "../../../src/protocol/membership/effects.ts";
import { Life } from "../../../src/protocol/membership/life.ts";
import type { News } from "../../../src/protocol/membership/news.ts";
import { encodeProbeFrame } from "../../../src/protocol/membership/probe-frames.ts";
import { signStatement, type Statement } from "../../../src/protocol/membership/statement.ts";
import { wire, type Costs } from "./costs.ts";
import type { Members } from "./members.ts";
import { Mesh, type Message } from "./mesh.ts";
import type { World } from "./world.ts";

export const network: Uint8Array = new Uint8Array(sha256(encodeUtf8("network of scale runs")));

/** Length prefix of a frame. */
const prefixBytes = 2;
/** TCP's handshake, Noise, the muxer and identify, after which a connection counts. */
const dialRoundTrips = 5;

export type Change = {
  readonly atMs: number;
  readonly by: number;
  readonly of: number;
  readonly standing: Standing;
};

export type LivesParts = {
  readonly world: World;
  readonly members: Members;
  readonly costs: Costs;
  /** The members that a node knows, itself not among them. */
  known(node: number): readonly number[];
  changed(change: Change): void;
};

export class Lives {
  readonly #parts: LivesParts;
  readonly #mesh: Mesh;
  readonly #lives: Life[];
  readonly #wakeMs: Float64Array;
  /** Until all know whom they are to know: nobody speaks, since they are told what they would tell each other. */
  #starting = true;

  constructor(parts: LivesParts) {
    this.#parts = parts;
    const { world, members, costs } = parts;
    this.#mesh = new Mesh({
      world,
      topic: "members",
      costs,
      receive: (node, from, message) => this.#hear(node, from, message),
    });
    this.#wakeMs = new Float64Array(world.size).fill(Number.POSITIVE_INFINITY);
    this.#lives = members.identities.map((identity, node) => {
      const random = world.prng.fork(`life ${node}`);
      return new Life({ identity, network, incarnation: 0, random });
    });
  }

  /** Introduces all who are connected or otherwise known to one another, as if they had been for long. */
  start(): void {
    const { world, members, known } = this.#parts;
    const statements = members.identities.map((identity) =>
      signStatement({ incarnation: 1, left: false }, identity, network),
    );
    for (let node = 0; node < world.size; node++) {
      this.#feed(node, { kind: "start" });
      const others = known(node);
      this.#feed(node, { kind: "members", peers: others.map((other) => members.peer(other)) });
      for (const other of world.neighbours(node)) {
        this.#feed(node, { kind: "peer", peer: members.peer(other), up: true });
        this.#tell(node, other, [statements[other]!]);
      }
      const [teller = node] = world.neighbours(node);
      for (let at = 0; at < others.length; at += limits.newsPerFrameMax) {
        const part = others.slice(at, at + limits.newsPerFrameMax);
        this.#tell(
          node,
          teller,
          part.map((other) => statements[other]!),
        );
      }
    }
    this.#starting = false;
    world.onConnection((node, other, up) => {
      const what = { kind: "peer", peer: members.peer(other), up } as const;
      world.work(node, this.#parts.costs.probeMs, () => this.#feed(node, what));
    });
  }

  watchersOf(node: number): number[] {
    const peer = this.#parts.members.peer(node);
    return [...this.#lives.entries()]
      .filter(([, life]) => life.watched.includes(peer))
      .map(([watcher]) => watcher);
  }

  watchedBy(node: number): readonly number[] {
    return this.#lives[node]!.watched.map((peer) => this.#parts.members.number(peer));
  }

  #tell(node: number, teller: number, statements: readonly Statement[]): void {
    const news: News[] = statements.map((statement) => ({ statement, accused: false }));
    const bytes = encodeProbeFrame({ kind: "table", wanted: false, news });
    this.#feed(node, { kind: "frame", peer: this.#parts.members.peer(teller), bytes });
  }

  #hear(node: number, from: number, message: Message): boolean {
    const peer = this.#parts.members.peer(from);
    const effects = this.#feed(node, { kind: "gossip", peer, bytes: message.data });
    return effects.some((effect) => effect.kind === "verdict" && effect.verdict === "accept");
  }

  #feed(node: number, input: LifeInput): readonly LifeEffect[] {
    const effects = this.#lives[node]!.handle(input, this.#parts.world.nowMs);
    for (const effect of effects) this.#perform(node, effect);
    return effects;
  }

  #perform(node: number, effect: LifeEffect): void {
    const { world, members, changed } = this.#parts;
    switch (effect.kind) {
      case "send":
        if (!this.#starting) this.#send(node, members.number(effect.peer), effect.frame);
        return;
      case "publish":
        if (!this.#starting) this.#mesh.publish(node, effect.data);
        return;
      case "standing": {
        const { standing } = effect;
        changed({ atMs: world.nowMs, by: node, of: members.number(effect.peer), standing });
        return;
      }
      case "keep":
        for (const peer of effect.peers) this.#dial(node, members.number(peer));
        return;
      case "wakeup":
        this.#wake(node, effect.atMs);
        return;
      case "charge":
        throw new Error(`an honest node was charged: ${effect.reason}`);
      case "persist":
      case "count":
      case "verdict":
    }
  }

  #send(node: number, peer: number, frame: Uint8Array): void {
    const { world, members, costs } = this.#parts;
    if (!world.neighbours(node).has(peer)) return;
    const bytes = frame.length + prefixBytes + wire.frameBytes;
    const from = members.peer(node);
    world.send(node, peer, { kind: "probes", bytes, costMs: costs.sendMs }, () => {
      world.work(peer, costs.probeMs, () => {
        this.#feed(peer, { kind: "frame", peer: from, bytes: frame });
      });
    });
  }

  #dial(node: number, peer: number): void {
    const { world } = this.#parts;
    const tookMs = 2 * dialRoundTrips * world.links.delayMs(node, peer);
    world.agenda.after(tookMs, () => world.connect(node, peer));
  }

  /** Takes the place of the one before. */
  #wake(node: number, atMs: number): void {
    const { world, costs } = this.#parts;
    this.#wakeMs[node] = atMs;
    world.agenda.at(atMs, () => {
      if (this.#wakeMs[node] !== atMs || !world.isAlive(node)) return;
      this.#wakeMs[node] = Number.POSITIVE_INFINITY;
      world.work(node, costs.probeMs, () => this.#feed(node, { kind: "wakeup" }));
    });
  }
}
