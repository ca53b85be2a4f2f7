import { describe, expect, test } from "vitest";
import { watchedBy } from "../../../src/protocol/membership/watchers.ts";
import { Prng } from "../prng.ts";
import { costs } from "./costs.ts";
import { boundMs, runDetect, type DetectResult } from "./detect.ts";
import { runHeal } from "./heal.ts";
import { join } from "./join.ts";
import { linkProfiles, Links } from "./links.ts";
import { Members } from "./members.ts";
import { Mesh } from "./mesh.ts";
import { Processors } from "./processors.ts";
import { runSpread } from "./spread.ts";
import { copiesExpected, fixedMs, hopMs, rumourRounds } from "./theory.ts";
import { World } from "./world.ts";

const links = linkProfiles.lan;

describe("a write", () => {
  const few = { seed: 1, links, writes: 10, writesPerSecond: 5, messageBytes: 276 };
  const run = runSpread({ ...few, nodes: 100 });

  test("reaches everybody, in fewer hops than a rumour takes rounds", () => {
    expect(run.missed).toBe(0);
    const hop = hopMs((links.minMs + links.maxMs) / 2, run.meshPeers);
    expect(run.allWorstMs).toBeLessThan(fixedMs + hop * rumourRounds(100));
    expect(run.halfMs).toBeLessThanOrEqual(run.most99Ms);
  });

  test("comes about as often as a mesh has peers", () => {
    const expected = copiesExpected(100, run.connections, run.meshPeers);
    expect(Math.abs(run.copies / expected - 1)).toBeLessThan(0.1);
  });

  test("takes the same way from the same seed, and another from another", () => {
    const again = (seed: number): number => runSpread({ ...few, seed, nodes: 20 }).pairP99Ms;
    expect(again(7)).toBe(again(7));
    expect(again(7)).not.toBe(again(8));
  });
});

describe("membership", () => {
  const quick = { seed: 1, links, victims: 1, idleMs: 4_000, stallsMs: 2_000, fullRoster: false };

  test("notices both kinds of end within its bound, and probes no more in a larger group", () => {
    const of = (nodes: number): DetectResult => runDetect({ ...quick, nodes });
    const [small, large] = [of(20), of(200)];
    for (const { killed, vanished, falseVerdicts, idleGossipMessages } of [small, large]) {
      expect(killed.worstMs).toBeLessThan(4_000);
      expect(vanished.worstMs).toBeLessThan(boundMs);
      expect(falseVerdicts).toBe(0);
      expect(idleGossipMessages).toBe(0);
    }
    const ratio = large.idleBytesPerNodeAndSecond / small.idleBytesPerNodeAndSecond;
    expect(ratio).toBeLessThan(1.05);
    expect(small.idleMessagesPerNodeAndSecond).toBeGreaterThan(5);
  });

  test("knows the same watchers from the near roster as from the full one", () => {
    const members = new Members(300, 1);
    for (let node = 0; node < 300; node += 7) {
      const others = members.identities.flatMap(({ publicKey: key }, other) =>
        other === node ? [] : [{ other, key }],
      );
      const whole = watchedBy(members.identities[node]!.publicKey, others);
      expect(new Set(members.watchedBy(node))).toEqual(new Set(whole.map(({ other }) => other)));
    }
  });
});

test("a mesh stays between its limits", () => {
  const prng = new Prng(3);
  const processors = new Processors(80, undefined);
  const world = new World({ nodes: 80, prng, processors, links: new Links(links, 3) });
  const mesh = new Mesh({ world, topic: "t", costs, receive: () => true });
  join(world, prng);
  world.agenda.run(5_000);
  const sizes = Array.from({ length: 80 }, (_, node) => mesh.peersOf(node).size);
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(3);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(9);
});

test("two halves become equal within seconds of a heal", () => {
  const heal = runHeal({ nodes: 10, seed: 1, links, writesPerSide: 20 });
  expect(heal.allMs).toBeLessThan(3_000);
  expect(heal.idleBytesPerNodeAndSecond).toBeLessThan(100);
});
