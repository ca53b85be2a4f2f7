/** Hostile writers: what they send is signed and mostly well-formed, and says what no honest writer would. */
import { concatBytes } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { encodeAnnouncement } from "../../src/protocol/gossip/announcement.ts";
import { encodeBundleMessage } from "../../src/protocol/gossip/message.ts";
import { stateTopic } from "../../src/protocol/gossip/topics.ts";
import { splitBatch } from "../../src/protocol/state/batch-body.ts";
import { classes, encodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import {
  makeBatch,
  register,
  stampOf,
  testWriter,
  writerBytesOf,
  type Batch,
} from "../state/fixture.ts";
import { network, type Attack, type Attacker, type Honest } from "./arena.ts";
import { claim, talkTo } from "./talk.ts";

export const topic = stateTopic(network, "default");
const year = 365 * 24 * 3_600_000;

type Plan = {
  readonly entries: readonly (Entry | Uint8Array)[];
  readonly seq?: bigint;
  readonly stamp?: bigint;
  readonly namespace?: string;
  readonly writer?: Attacker["writer"];
};

export function batchOf(attacker: Attacker, { seq = 1n, stamp, ...plan }: Plan): Batch {
  const prev = seq === 1n ? {} : { prev: sha256(Uint8Array.of(1)) };
  const position = { network, seq, stamp: stamp ?? stampOf(Date.now()), ...prev };
  return makeBatch({ writer: attacker.writer, ...position, ...plan });
}

export function gossip({ net }: Attacker, victim: Honest, bundle: Uint8Array): void {
  const message = encodeBundleMessage(bundle);
  if (message !== undefined) net.send(victim.net, topic, message);
}

/** Pushes bundles in a session, as one who holds them would. */
export async function push(attacker: Attacker, victim: Honest, parts: Uint8Array[]): Promise<void> {
  await talkTo(attacker, victim, async (talk) => {
    await talk.say(claim(5, 1));
    if ((await talk.hear())?.kind !== "hello") return;
    const message = Uint8Array.of(0x61);
    await talk.say({ kind: "neg", namespace: "default", hold: false, message });
    const answer = await talk.hear();
    if (answer?.kind !== "neg" || answer.hold) return;
    await talk.say(
      { kind: "data", parts, more: false },
      { kind: "want", namespace: "default", places: [] },
    );
    await talk.hear();
    await talk.close();
  });
}

function everywhere(attacker: Attacker, batch: Batch): void {
  for (const victim of attacker.victims) gossip(attacker, victim, batch.bundle());
}

function own(attacker: Attacker, rest: string): string {
  return `${attacker.name}/${rest}`;
}

export const equivocation: Attack = {
  name: "equivocation",
  ends: "tolerated",
  async run(attacker) {
    const stamp = stampOf(Date.now());
    for (const [index, victim] of attacker.victims.entries()) {
      const say = (key: string, at: Partial<Plan>): void => {
        const entries = [register(own(attacker, key), `as told to ${index}`)];
        gossip(attacker, victim, batchOf(attacker, { entries, ...at }).bundle());
      };
      say(`seq ${index}`, { seq: 1n, stamp: stamp + BigInt(index) });
      say(`stamp ${index}`, { seq: BigInt(index) + 2n, stamp });
      say("same key", { seq: 9n, stamp });
    }
  },
};

export const badLeaf: Attack = {
  name: "a bad leaf",
  ends: "banned",
  async run(attacker) {
    for (let round = 1; round <= 6; round++) {
      const stamp = stampOf(Date.now()) + BigInt(round);
      const good = [0, 1, 2].map((index) => register(own(attacker, `${round} ${index}`), "v"));
      const bad: Entry = {
        ...register(own(attacker, "bad"), "v"),
        class: classes.slot,
        epoch: stamp + 1n,
      };
      const batch = batchOf(attacker, { seq: BigInt(round), stamp, entries: [...good, bad] });
      const [first, ...others] = attacker.victims;
      if (first !== undefined) gossip(attacker, first, batch.bundle());
      for (const victim of others) gossip(attacker, victim, batch.bundle([0, 2]));
    }
  },
};

export const contexts: Attack = {
  name: "contexts",
  ends: "tolerated",
  async run(attacker) {
    const nowMs = Date.now();
    const strangers = Array.from({ length: 256 }, (_, index) => testWriter(`stranger ${index}`));
    const names = strangers.map(writerBytesOf).toSorted(Buffer.compare);
    const entry = (stamp: bigint, writers: readonly Uint8Array[]): Entry => ({
      class: classes.context,
      type: "multi",
      key: "contested",
      body: Uint8Array.of(1),
      context: writers.map((writer) => ({ writer, stamp: stamp - 1n })),
    });
    const me = writerBytesOf(attacker.writer);
    for (const [index, victim] of attacker.victims.entries()) {
      const stamp = stampOf(nowMs, index);
      const all = [...names.slice(0, 255), me].toSorted(Buffer.compare);
      const seq = BigInt(index + 1);
      const batch = batchOf(attacker, { seq, stamp, entries: [entry(stamp, all)] });
      gossip(attacker, victim, batch.bundle());
      const mutual = batchOf(attacker, {
        seq: seq + 50n,
        stamp: stamp + 9n,
        entries: [entry(stamp + 9n, [me])],
      });
      gossip(attacker, victim, mutual.bundle());
    }
  },
};

export const epochsAndRanges: Attack = {
  name: "epochs and ranges",
  ends: "tolerated",
  async run(attacker) {
    const nowMs = Date.now();
    for (const [index, victim] of attacker.victims.entries()) {
      const stamp = stampOf(nowMs, index);
      const body = Uint8Array.of(index);
      const entries: Entry[] = [
        { class: classes.slot, type: "counter", key: "count", body, epoch: stamp },
        {
          class: classes.append,
          type: "log",
          key: "log",
          body,
          range: { from: 0n, to: stamp - 1n },
        },
        { class: classes.append, type: "log", key: "log", body, epoch: stamp },
        { class: classes.append, type: "log", key: "log", body, range: { from: 5n, to: 5n } },
      ];
      gossip(
        attacker,
        victim,
        batchOf(attacker, { seq: BigInt(index + 1), stamp, entries }).bundle(),
      );
    }
  },
};

export const siblings: Attack = {
  name: "withheld siblings",
  ends: "tolerated",
  async run(attacker) {
    const entries = Array.from({ length: 30 }, (_, index) =>
      register(own(attacker, `${index}`), "v"),
    );
    const batch = batchOf(attacker, { entries });
    for (const [at, victim] of attacker.victims.entries()) {
      const some = [...entries.keys()].filter((index) => index % attacker.victims.length === at);
      gossip(attacker, victim, batch.bundle(some));
    }
  },
};

export const times: Attack = {
  name: "far future and far past",
  ends: "tolerated",
  async run(attacker) {
    let seq = 1n;
    for (const ms of [Date.now() + 10 * year, Date.now() + 90_000, 1, 2 ** 48 - 2]) {
      const entries = [register(own(attacker, `at ${ms}`), "v"), register("contested", `${ms}`)];
      const batch = batchOf(attacker, { seq: seq++, stamp: stampOf(ms), entries });
      everywhere(attacker, batch);
      for (const victim of attacker.victims) await push(attacker, victim, [batch.bundle()]);
    }
  },
};

export const grinding: Attack = {
  name: "ground hashes",
  ends: "tolerated",
  async run(attacker) {
    const stamp = stampOf(Date.now());
    const entries: Entry[] = [];
    for (let tries = 0; entries.length < 12 && tries < 20_000; tries++) {
      const entry = register(own(attacker, `${tries}`), "v");
      const probe = batchOf(attacker, { stamp, entries: [entry] });
      if (probe.leaves[0]![0] === 0) entries.push(entry);
    }
    everywhere(attacker, batchOf(attacker, { stamp, entries }));
  },
};

export const wrongPaths: Attack = {
  name: "wrong paths",
  ends: "banned",
  async run(attacker) {
    const entries = Array.from({ length: 20 }, (_, index) =>
      register(own(attacker, `${index}`), "v"),
    );
    const batch = batchOf(attacker, { entries });
    for (let index = 0; index < 5; index++) {
      const bundle = batch.bundle([index]);
      bundle[bundle.length - 5]! ^= 1;
      for (const victim of attacker.victims) gossip(attacker, victim, bundle);
    }
  },
};

export const replay: Attack = {
  name: "replay of superseded entries",
  ends: "tolerated",
  async run(attacker, stop) {
    const at = (ms: number, seq: bigint): Batch =>
      batchOf(attacker, {
        seq,
        stamp: stampOf(ms),
        entries: [register(own(attacker, "k"), `${seq}`)],
      });
    const [old, fresh] = [at(Date.now() - 5_000, 1n), at(Date.now(), 2n)];
    everywhere(attacker, fresh);
    for (let round = 0; round < 10 && !stop.aborted; round++) {
      for (const victim of attacker.victims) await push(attacker, victim, [old.bundle()]);
    }
  },
};

/** Deletions of keys that never were; each stays, so their number is the attack. */
export function tombstones(count: number): Attack {
  return {
    name: "tombstones",
    ends: "tolerated",
    async run(attacker) {
      for (let seq = 1; seq <= count / 128; seq++) {
        const keys = Array.from({ length: 128 }, (_, index) => own(attacker, `${seq} ${index}`));
        const entries = keys.map((key) => register(key));
        const victim = attacker.victims[seq % attacker.victims.length]!;
        gossip(attacker, victim, batchOf(attacker, { seq: BigInt(seq), entries }).bundle());
        await new Promise(setImmediate);
      }
    },
  };
}

/** An author for every batch, more than a peer may introduce. */
export function mintedAuthors(count: number): Attack {
  return {
    name: "minted authors",
    ends: "tolerated",
    async run(attacker) {
      for (let index = 0; index < count; index++) {
        const writer = testWriter(`${attacker.name} minted ${index}`);
        const batch = batchOf(attacker, {
          writer,
          entries: [register(`minted ${index % 50}`, "v")],
        });
        gossip(attacker, attacker.victims[0]!, batch.bundle());
        if (index % 16 === 0) await new Promise(setImmediate);
      }
    },
  };
}

export const stolenCard: Attack = {
  name: "another member's card",
  ends: "banned",
  async run(attacker) {
    const [victim] = attacker.victims;
    const key = `members/${victim!.identity.peer}`;
    for (let seq = 1n; seq <= 5n; seq++) {
      const entries = [register(key, `{"name":"mine now","version":"1","left":true}`)];
      const batch = batchOf(attacker, { seq, namespace: "sys", entries });
      const message = encodeBundleMessage(batch.bundle())!;
      for (const { net } of attacker.victims)
        attacker.net.send(net, stateTopic(network, "sys"), message);
    }
  },
};

export const wrongBodies: Attack = {
  name: "wrong bodies",
  ends: "banned",
  answer(attacker) {
    const wrong = concatBytes(Uint8Array.of(2), sha256(Uint8Array.of(7)));
    attacker.net.answerPulls(() => [wrong]);
  },
  async run(attacker) {
    const entries = Array.from({ length: 90 }, (_, index) =>
      register(own(attacker, `${index}`), "v"),
    );
    const { head, body } = splitBatch(batchOf(attacker, { entries }).bundle());
    const message = encodeAnnouncement({ head, size: body.length, hash: sha256(body) });
    for (const { net } of attacker.victims) attacker.net.send(net, topic, message);
  },
};

/** Bytes of an entry in the place of one: undecodable, and so refused by itself. */
export const junkEntries: Attack = {
  name: "junk for entries",
  ends: "banned",
  async run(attacker) {
    for (let seq = 1n; seq <= 5n; seq++) {
      const junk = encodeEntry(register(own(attacker, "k"), "v")).subarray(1);
      everywhere(attacker, batchOf(attacker, { seq, entries: [junk] }));
    }
  },
};
