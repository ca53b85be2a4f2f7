/** Peers that break the protocol, or keep to it and give nothing. */
import { sha256 } from "../../src/core/identity.ts";
import { encodeAnnouncement } from "../../src/protocol/gossip/announcement.ts";
import { MessageWriter } from "../../src/protocol/sync/negentropy.ts";
import { endBound, firstBound } from "../../src/protocol/sync/position.ts";
import { splitBatch } from "../../src/protocol/state/batch-body.ts";
import { register } from "../state/fixture.ts";
import type { Attack } from "./arena.ts";
import { batchOf, topic } from "./content-attacks.ts";
import { answerWith, claim, talkTo, type Talk } from "./talk.ts";

function listing(seed: number): Uint8Array {
  const message = new MessageWriter();
  const ids = Array.from({ length: 40 }, (_, index) => sha256(Uint8Array.of(seed, index)));
  message.ids(firstBound, endBound, ids);
  return message.finish();
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** Claims digests that it does not have, lists ids that are none, and ends every transfer without one entry. */
export const emptyClaims: Attack = {
  name: "empty claims",
  ends: "tolerated",
  answer(attacker) {
    answerWith(attacker, async (talk) => {
      const seed = Math.floor(attacker.random() * 255);
      for (;;) {
        const frame = await talk.hear();
        if (frame === undefined || frame.kind === "bye") return;
        await lie(talk, frame.kind, seed);
      }
    });
  },
  async run(attacker, stop) {
    while (!stop.aborted && attacker.net.links.size > 0) {
      for (const victim of attacker.victims) {
        await talkTo(attacker, victim, async (talk) => {
          const root = sha256(Uint8Array.of(Math.floor(attacker.random() * 255))).subarray(0, 16);
          await talk.say({ kind: "hint", asOfMs: Date.now() - 2_000, root });
          await talk.close();
        });
      }
      await pause(50, stop);
    }
  },
};

async function lie(talk: Talk, asked: string, seed: number): Promise<void> {
  const namespace = "default";
  const digest = { count: 1_000_000, fingerprint: new Uint8Array(16).fill(seed) };
  if (asked === "hello") await talk.say(claim(60, seed));
  else if (asked === "neg") {
    await talk.say({ kind: "neg", namespace, hold: false, message: listing(seed) });
  } else if (asked === "want") {
    await talk.say({ kind: "end", namespace, digest, dealt: 40, next: undefined });
  }
}

export const silence: Attack = {
  name: "silence",
  ends: "tolerated",
  answer({ net }) {
    net.onSync(() => {});
    net.onPull(() => {});
  },
  async run(attacker, stop) {
    let round = 0;
    while (!stop.aborted && attacker.net.links.size > 0) {
      for (const victim of attacker.victims) {
        await talkTo(attacker, victim, (talk) => talk.say(claim(60, 1)));
      }
      const entries = Array.from({ length: 60 }, (_, index) =>
        register(`${attacker.name} ${index}`, "v"),
      );
      const batch = batchOf(attacker, { seq: BigInt(++round), entries });
      const { head, body } = splitBatch(batch.bundle());
      const message = encodeAnnouncement({ head, size: body.length, hash: sha256(body) });
      for (const { net } of attacker.victims) attacker.net.send(net, topic, message);
      await pause(100, stop);
    }
  },
};

export const slowness: Attack = {
  name: "slowness",
  ends: "tolerated",
  answer(attacker) {
    answerWith(attacker, async (talk) => {
      for (;;) {
        const frame = await talk.hear();
        if (frame === undefined) return;
        await pause(900, AbortSignal.timeout(20_000));
        await lie(talk, frame.kind, 9);
      }
    });
  },
  async run() {},
};

export const unasked: Attack = {
  name: "what nobody asked for",
  ends: "banned",
  async run(attacker, stop) {
    const bundle = batchOf(attacker, { entries: [register(attacker.name, "v")] }).bundle();
    while (!stop.aborted && attacker.net.links.size > 0) {
      for (const victim of attacker.victims) {
        await talkTo(attacker, victim, async (talk) => {
          await talk.say(claim(5, 1));
          await talk.hear();
          await talk.say({ kind: "data", parts: [bundle], more: false });
          await talk.hear();
        });
      }
      await pause(10, stop);
    }
  },
};

export const garbage: Attack = {
  name: "garbage",
  ends: "banned",
  answer(attacker) {
    answerWith(attacker, (talk) => talk.sayBytes(Uint8Array.of(99, 1, 2, 3)));
  },
  async run(attacker) {
    for (const victim of attacker.victims) {
      await talkTo(attacker, victim, (talk) => talk.sayBytes(new Uint8Array(500).fill(0xff)));
    }
  },
};
