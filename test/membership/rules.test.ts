/** One test for each rule of the machine that no promise to users holds down by itself. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { encodeNews } from "../../src/protocol/membership/news.ts";
import { decodeProbeFrame, encodeProbeFrame } from "../../src/protocol/membership/probe-frames.ts";
import { signStatement } from "../../src/protocol/membership/statement.ts";
import { watchedBy } from "../../src/protocol/membership/watchers.ts";
import { network, sees, Village, type Villager } from "./village.ts";

const accusing = (who: Villager): Uint8Array =>
  encodeNews({
    statement: signStatement({ incarnation: who.incarnation, left: false }, who.identity, network),
    accused: true,
  });

function settled(count: number): Village {
  const village = new Village(count);
  village.run(4_000);
  return village;
}

/** The first pair of which one watches the other. */
function watchingPair(village: Village): readonly [watcher: Villager, watched: Villager] {
  const watcher = village.all.find(({ life }) => life.watched.length > 0)!;
  const watched = village.all.find(({ identity }) => identity.peer === watcher.life.watched[0])!;
  return [watcher, watched];
}

const failures = (village: Village): string[] =>
  village.all.flatMap(({ history }) => history.filter((line) => line.endsWith("failed")));

test("a member is watched by the three whose keys are closest to its own by XOR", () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 12, selector: toHex });
  const far = (a: Uint8Array, b: Uint8Array): bigint =>
    BigInt(`0x${toHex(a)}`) ^ BigInt(`0x${toHex(b)}`);
  fc.assert(
    fc.property(keys, (all) => {
      const [self, ...others] = all.map((one) => ({ key: one }));
      const expected = others.filter((target) => {
        const watchers = [self!, ...others]
          .filter((other) => other !== target)
          .toSorted((a, b) => (far(a.key, target.key) < far(b.key, target.key) ? -1 : 1));
        return watchers.slice(0, 3).includes(self!);
      });
      expect(watchedBy(self!.key, others)).toEqual(expected);
    }),
  );
});

test("a member that a watcher cannot reach, but others can, is not suspected", () => {
  const village = settled(6);
  const [watcher, watched] = watchingPair(village);
  village.drops = (from, to) => from === watcher && to === watched;
  village.run(20_000);
  expect(watcher.counts.get("membership.suspected")).toBeUndefined();
  expect(watcher.life.doubt).toBe(0);
});

/** Each connected to four of the others at first: few watchers are connected to whom they watch, or know who is. */
function sparse(count: number, dialMs: number | undefined): Village {
  const village = new Village(count, { areConnected: false });
  village.dialMs = dialMs;
  for (const [index, one] of village.all.entries()) {
    for (const step of [1, 5]) village.connect(one, village.at((index + step) % count));
  }
  return village;
}

const suspicions = (village: Village): number =>
  village.all.reduce((sum, { counts }) => sum + (counts.get("membership.suspected") ?? 0), 0);

test("nobody is suspected by watchers that are not connected to it yet, and all are watched then", () => {
  const village = sparse(20, 4_000);
  village.run(10_000);
  expect(suspicions(village)).toBe(0);
  const victim = village.at(7);
  village.kill(victim);
  expect(village.until((one) => sees(one, victim) === "failed", 10_000)).toBeLessThan(4_500);
  expect(failures(village).filter((line) => line !== "n7 failed")).toEqual([]);
});

test("watchers that can never connect to whom they watch accuse it less and less often", () => {
  const village = sparse(12, undefined);
  village.run(60_000);
  const before = suspicions(village);
  village.run(30_000);
  expect(suspicions(village) - before).toBeLessThan(40);
  expect(failures(village)).toEqual([]);
});

test("a node that stood still asks anew before it suspects", () => {
  const village = settled(6);
  const [watcher, watched] = watchingPair(village);
  const asked = new Set<Villager>();
  village.drops = (from, to, frame) => {
    if (decodeProbeFrame(frame).kind === "ask") asked.add(from);
    return from === watcher && to === watched;
  };
  for (let step = 0; step < 5_000 && !asked.has(watcher); step++) village.run(1);
  village.pause(watcher);
  village.run(3_000);
  village.resume(watcher);
  village.run(3_000);
  expect(asked.has(watcher)).toBe(true);
  expect(watcher.counts.get("membership.suspected")).toBeUndefined();
});

test("a node that stood still doubts itself at once, and gives suspects the time it missed", () => {
  const village = settled(6);
  const [sleeper, suspect] = [village.at(0), village.at(3)];
  village.publish(village.at(1), accusing(suspect));
  village.run(5);
  expect(sees(sleeper, suspect)).toBe("suspect");
  village.pause(sleeper);
  village.run(5_000);
  village.resume(sleeper);
  expect(sleeper.life.doubt).toBeGreaterThanOrEqual(3);
  village.run(2_000);
  expect(sees(sleeper, suspect)).toBe("alive");
  expect(sleeper.history).not.toContain("n3 failed");
});

test("a watcher to whom nobody answers doubts itself", () => {
  const village = settled(4);
  const watcher = village.at(0);
  for (const other of village.all.slice(1)) village.pause(other);
  village.run(2_500);
  expect(watcher.life.doubt).toBeGreaterThan(0);
});

test("a suspect that learns of it from a reminder refutes to who reminded it", () => {
  const village = settled(5);
  const [deaf, suspect] = [village.at(1), village.at(4)];
  deaf.deaf = true;
  const peer = village.at(0).identity.peer;
  village.feed(deaf, { kind: "gossip", peer, bytes: accusing(suspect) });
  expect(sees(deaf, suspect)).toBe("suspect");
  village.run(10_000);
  expect(sees(deaf, suspect)).toBe("alive");
  expect(failures(village)).toEqual([]);
});

test("a node refutes five times a second at most", () => {
  const village = settled(3);
  const [accused, teller] = [village.at(0), village.at(1)];
  const before = accused.incarnation;
  for (let round = 0; round < 100; round++) {
    const peer = teller.identity.peer;
    village.feed(accused, { kind: "gossip", peer, bytes: accusing(accused) });
    village.run(10);
  }
  expect(accused.incarnation - before).toBeGreaterThanOrEqual(4);
  expect(accused.incarnation - before).toBeLessThanOrEqual(6);
});

test("frames of one neighbour are taken up to a limit", () => {
  const village = settled(3);
  const [flooded, flooder] = [village.at(0), village.at(1)];
  const before = flooded.frames;
  const bytes = encodeProbeFrame({ kind: "ping", number: 1 });
  for (let frame = 0; frame < 1_000; frame++) {
    village.feed(flooded, { kind: "frame", peer: flooder.identity.peer, bytes });
  }
  expect(flooded.counts.get("membership.frames_over_rate")).toBeGreaterThanOrEqual(488);
  expect(flooded.frames - before).toBeLessThanOrEqual(512);
});

test("a laptop that slept and woke without its connections is back, and wrongs nobody", () => {
  const village = settled(8);
  const laptop = village.at(2);
  village.pause(laptop);
  village.run(6_000);
  for (const other of laptop.links) village.cut(laptop, other);
  village.run(600_000);
  village.resume(laptop);
  village.run(1_000);
  for (const other of village.all) if (other !== laptop) village.connect(laptop, other);
  const allAlive = (one: Villager): boolean =>
    village.all.every((other) => other === one || sees(one, other) === "alive");
  expect(village.until(allAlive, 5_000)).toBeLessThan(2_500);
  village.run(20_000);
  expect(village.all.every(allAlive)).toBe(true);
  expect(failures(village).filter((line) => line !== "n2 failed")).toEqual([]);
});
