/** Machines that say who is alive, wired together in memory under one virtual clock. */
import { sha256, identityFromSeed, type Identity } from "../../src/core/identity.ts";
import { encodeUtf8 } from "../../src/core/codec.ts";
import type { Verdict } from "../../src/core/ports.ts";
import type { LifeEffect, LifeInput, Standing } from "../../src/protocol/membership/effects.ts";
import { Life } from "../../src/protocol/membership/life.ts";
import { seededRandom } from "../seeded-random.ts";

export const network: Uint8Array = new Uint8Array(sha256(encodeUtf8("network of lives")));
const delayMs = 5;

export function identityOf(name: string): Identity {
  return identityFromSeed(sha256(encodeUtf8(`life of ${name}`)));
}

export class Villager {
  readonly name: string;
  readonly identity: Identity;
  readonly standings = new Map<string, Standing>();
  readonly history: string[] = [];
  readonly counts = new Map<string, number>();
  readonly charged: string[] = [];
  readonly links = new Set<Villager>();
  readonly seen = new Set<string>();
  frames = 0;
  published = 0;
  incarnation = 0;
  life!: Life;
  /** Dead, or standing still: what is for it waits. */
  state: "up" | "paused" | "dead" = "up";
  readonly waiting: (() => void)[] = [];
  wakeAtMs = Number.POSITIVE_INFINITY;
  /** Gossip does not come through to it; frames of its own are lost. */
  deaf = false;
  mute = false;

  constructor(name: string) {
    this.name = name;
    this.identity = identityOf(name);
  }
}

type Task = { readonly atMs: number; readonly order: number; readonly run: () => void };

export class Village {
  nowMs = 1_000;
  readonly all: Villager[];
  /** Whether a frame is lost on its way. */
  drops: (from: Villager, to: Villager, frame: Uint8Array) => boolean = () => false;
  /** How long a dial takes; undefined where nobody can be dialled. */
  dialMs: number | undefined;
  readonly #tasks: Task[] = [];
  #order = 0;

  /** All know of all; they are connected, unless said otherwise. */
  constructor(count: number, { areConnected = true } = {}) {
    this.all = Array.from({ length: count }, (_, index) => new Villager(`n${index}`));
    for (const each of this.all) this.start(each);
    for (const [index, one] of areConnected ? this.all.entries() : []) {
      for (const other of this.all.slice(index + 1)) this.connect(one, other);
    }
  }

  at(index: number): Villager {
    const villager = this.all[index];
    if (villager === undefined) throw new Error("nobody lives there");
    return villager;
  }

  start(villager: Villager): void {
    villager.state = "up";
    const { identity, incarnation } = villager;
    const random = seededRandom(this.all.indexOf(villager) + 1 + incarnation * 1_000);
    villager.life = new Life({ identity, network, incarnation, random });
    villager.wakeAtMs = Number.POSITIVE_INFINITY;
    this.feed(villager, { kind: "start" });
    this.feed(villager, { kind: "members", peers: this.all.map((each) => each.identity.peer) });
  }

  connect(one: Villager, other: Villager): void {
    if (one.links.has(other)) return;
    one.links.add(other);
    other.links.add(one);
    this.#deliver(one, { kind: "peer", peer: other.identity.peer, up: true });
    this.#deliver(other, { kind: "peer", peer: one.identity.peer, up: true });
  }

  cut(one: Villager, other: Villager): void {
    if (!one.links.delete(other)) return;
    other.links.delete(one);
    this.#deliver(one, { kind: "peer", peer: other.identity.peer, up: false });
    this.#deliver(other, { kind: "peer", peer: one.identity.peer, up: false });
  }

  kill(villager: Villager): void {
    villager.state = "dead";
    villager.waiting.length = 0;
    for (const other of villager.links) this.cut(villager, other);
  }

  pause(villager: Villager): void {
    villager.state = "paused";
  }

  resume(villager: Villager): void {
    villager.state = "up";
    this.feed(villager, { kind: "wakeup" }); // timers come before what waits to be read
    for (const run of villager.waiting.splice(0)) run();
  }

  /** Runs the clock on. */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const next = this.#tasks[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#tasks.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }

  /** Until all that are up agree with `holds`; how long it took, or infinity. */
  until(holds: (villager: Villager) => boolean, withinMs: number): number {
    const fromMs = this.nowMs;
    const agreed = (): boolean => this.all.every((each) => each.state !== "up" || holds(each));
    while (this.nowMs - fromMs <= withinMs) {
      if (agreed()) return this.nowMs - fromMs;
      this.run(20);
    }
    return Number.POSITIVE_INFINITY;
  }

  feed(villager: Villager, input: LifeInput): Verdict | undefined {
    let verdict: Verdict | undefined;
    for (const effect of villager.life.handle(input, this.nowMs)) {
      if (effect.kind === "verdict") verdict = effect.verdict;
      else this.#perform(villager, effect);
    }
    return verdict;
  }

  publish(from: Villager, data: Uint8Array): void {
    const name = Buffer.from(data).toString("hex");
    from.seen.add(name);
    for (const other of from.links) {
      this.#later(() => this.#whenUp(other, () => this.#hear(other, from, data, name)));
    }
  }

  #hear(villager: Villager, from: Villager, data: Uint8Array, name: string): void {
    if (villager.deaf || villager.seen.has(name)) return;
    villager.seen.add(name);
    const verdict = this.feed(villager, { kind: "gossip", peer: from.identity.peer, bytes: data });
    if (verdict === "accept") this.publish(villager, data);
  }

  #perform(villager: Villager, effect: Exclude<LifeEffect, { kind: "verdict" }>): void {
    switch (effect.kind) {
      case "send": {
        const other = [...villager.links].find(({ identity }) => identity.peer === effect.peer);
        villager.frames++;
        if (other === undefined || villager.mute) return;
        if (this.drops(villager, other, effect.frame)) return;
        const { peer } = villager.identity;
        this.#later(() => this.#deliver(other, { kind: "frame", peer, bytes: effect.frame }));
        return;
      }
      case "publish":
        villager.published++;
        this.publish(villager, effect.data);
        return;
      case "persist":
        villager.incarnation = effect.incarnation;
        return;
      case "standing": {
        villager.standings.set(effect.peer, effect.standing);
        const about = this.all.find(({ identity }) => identity.peer === effect.peer)?.name ?? "?";
        villager.history.push(`${about} ${effect.standing}`);
        return;
      }
      case "count":
        villager.counts.set(effect.name, (villager.counts.get(effect.name) ?? 0) + 1);
        return;
      case "wakeup":
        this.#wake(villager, effect.atMs);
        return;
      case "charge":
        villager.charged.push(effect.code);
        return;
      case "keep":
        for (const peer of effect.peers) this.#dial(villager, peer);
    }
  }

  #dial(villager: Villager, peer: string): void {
    const other = this.all.find(({ identity }) => identity.peer === peer);
    if (this.dialMs === undefined || other === undefined) return;
    this.#at(this.nowMs + this.dialMs, () => {
      if (villager.state === "up" && other.state === "up") this.connect(villager, other);
    });
  }

  #wake(villager: Villager, atMs: number): void {
    villager.wakeAtMs = atMs;
    this.#at(Math.max(atMs, this.nowMs), () => {
      const { life } = villager;
      this.#whenUp(villager, () => {
        if (villager.wakeAtMs !== atMs || villager.life !== life) return;
        villager.wakeAtMs = Number.POSITIVE_INFINITY;
        this.feed(villager, { kind: "wakeup" });
      });
    });
  }

  #deliver(villager: Villager, input: LifeInput): void {
    this.#whenUp(villager, () => void this.feed(villager, input));
  }

  #whenUp(villager: Villager, run: () => void): void {
    if (villager.state === "up") run();
    else if (villager.state === "paused") villager.waiting.push(run);
  }

  #later(run: () => void): void {
    this.#at(this.nowMs + delayMs, run);
  }

  #at(atMs: number, run: () => void): void {
    const task = { atMs, order: this.#order++, run };
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#tasks[middle]!;
      if (other.atMs < atMs || (other.atMs === atMs && other.order < task.order)) low = middle + 1;
      else high = middle;
    }
    this.#tasks.splice(low, 0, task);
  }
}

export function sees(villager: Villager, other: Villager): Standing | undefined {
  return villager.standings.get(other.identity.peer);
}
