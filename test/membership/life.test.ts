import { describe, expect, test } from "vitest";
import { encodeNews } from "../../src/protocol/membership/news.ts";
import { signStatement } from "../../src/protocol/membership/statement.ts";
import { identityOf, network, sees, Village, type Villager } from "./village.ts";

function settled(count: number): Village {
  const village = new Village(count);
  const tookMs = village.until((one) => isAlive(village, one), 5_000);
  expect(tookMs).toBeLessThan(1_000);
  village.run(3_000);
  return village;
}

/** Everybody else is alive to it. */
function isAlive(village: Village, one: Villager, except?: Villager): boolean {
  return village.all.every(
    (other) => other === one || other === except || sees(one, other) === "alive",
  );
}

/** Standings other than `alive` that anybody ever saw of anybody but `except`. */
function wronged(village: Village, except: readonly Villager[], fromMs = 0): string[] {
  const names = new Set(except.map(({ name }) => name));
  return village.all
    .filter((one) => !names.has(one.name))
    .flatMap(({ history }) => history.slice(fromMs))
    .filter((line) => line.endsWith("failed") && !names.has(line.split(" ")[0] ?? ""));
}

describe("a member that", () => {
  test.each([3, 5, 20])("dies is failed on all of %i within 3.5 s", (count) => {
    const village = settled(count);
    const victim = village.at(1);
    village.kill(victim);
    const tookMs = village.until((one) => sees(one, victim) === "failed", 10_000);
    expect(tookMs).toBeLessThan(3_500);
    expect(wronged(village, [victim])).toEqual([]);
  });

  test.each([3, 5, 20])(
    "stands still is failed on all of %i within 7 s, and back when it goes on",
    (count) => {
      const village = settled(count);
      const victim = village.at(2);
      village.pause(victim);
      const tookMs = village.until((one) => sees(one, victim) === "failed", 12_000);
      expect(tookMs).toBeLessThan(7_000);
      village.run(5_000);
      village.resume(victim);
      expect(village.until((one) => isAlive(village, one), 5_000)).toBeLessThan(2_500);
      village.run(20_000);
      expect(wronged(village, [victim])).toEqual([]);
      expect(victim.history.filter((line) => line.endsWith("failed"))).toEqual([]);
    },
  );

  test("leaves is left at once, and alive when it starts again", () => {
    const village = settled(5);
    const leaver = village.at(0);
    village.feed(leaver, { kind: "leave" });
    village.run(50);
    for (const other of village.all.slice(1)) expect(sees(other, leaver)).toBe("left");
    village.kill(leaver);
    village.run(20_000);
    for (const other of village.all.slice(1)) expect(sees(other, leaver)).toBe("left");
    village.start(leaver);
    for (const other of village.all.slice(1)) village.connect(leaver, other);
    expect(village.until((one) => isAlive(village, one), 5_000)).toBeLessThan(1_000);
  });

  test("is killed and starts again goes on above the incarnation it had", () => {
    const village = settled(5);
    const victim = village.at(3);
    const before = victim.incarnation;
    village.kill(victim);
    village.run(6_000);
    village.start(victim);
    for (const other of village.all) if (other !== victim) village.connect(victim, other);
    expect(village.until((one) => isAlive(village, one), 5_000)).toBeLessThan(2_000);
    expect(victim.incarnation).toBeGreaterThan(before);
  });

  test("lost its store of incarnations learns them from its neighbours", () => {
    const village = settled(5);
    const victim = village.at(3);
    village.kill(victim);
    village.run(6_000);
    victim.incarnation = 0;
    village.start(victim);
    for (const other of village.all) if (other !== victim) village.connect(victim, other);
    expect(village.until((one) => isAlive(village, one), 5_000)).toBeLessThan(2_000);
  });

  test("never was heard of is failed after a while", () => {
    const village = settled(3);
    const ghost = identityOf("a ghost");
    const peers = [...village.all.map(({ identity }) => identity.peer), ghost.peer];
    for (const each of village.all) village.feed(each, { kind: "members", peers });
    expect(village.at(0).standings.get(ghost.peer)).toBe("suspect");
    village.run(16_000);
    for (const each of village.all) expect(each.standings.get(ghost.peer)).toBe("failed");
  });
});

test("a quiet group gossips nothing, and what a node sends does not grow with it", () => {
  const rates = [6, 20].map((count) => {
    const village = settled(count);
    const before = village.all.map(({ frames, published }) => ({ frames, published }));
    village.run(10_000);
    expect(village.all.map(({ published }, index) => published - before[index]!.published)).toEqual(
      village.all.map(() => 0),
    );
    const frames = village.all.map((each, index) => each.frames - before[index]!.frames);
    return frames.reduce((sum, one) => sum + one, 0) / count / 10;
  });
  for (const perSecond of rates) expect(perSecond).toBeLessThan(6.5);
});

test("everybody is watched by three", () => {
  const village = settled(12);
  const watched = village.all.flatMap(({ life }) => life.watched);
  for (const { identity } of village.all) {
    expect(watched.filter((peer) => peer === identity.peer)).toHaveLength(3);
  }
});

test("after a split each side says that the other failed; after it is healed all are alive", () => {
  const village = settled(10);
  const [one, other] = [village.all.slice(0, 5), village.all.slice(5)];
  for (const a of one) for (const b of other) village.cut(a, b);
  const saysFailed = (each: Villager): boolean =>
    (one.includes(each) ? other : one).every((far) => sees(each, far) === "failed");
  expect(village.until(saysFailed, 10_000)).toBeLessThan(5_000);
  village.run(30_000);
  for (const side of [one, other]) {
    for (const each of side) {
      for (const near of side) if (near !== each) expect(sees(each, near)).toBe("alive");
    }
  }
  for (const a of one) for (const b of other) village.connect(a, b);
  expect(village.until((each) => isAlive(village, each), 5_000)).toBeLessThan(2_000);
  village.run(10_000);
  expect(village.until((each) => isAlive(village, each), 0)).toBe(0);
});

test("a lost connection between two harms neither", () => {
  const village = settled(6);
  const [a, b] = [village.at(0), village.at(1)];
  village.cut(a, b);
  village.run(30_000);
  expect(wronged(village, [])).toEqual([]);
  expect(village.all.every((each) => isAlive(village, each))).toBe(true);
});

test("a node that stands still again and again fails nobody else, and doubts itself", () => {
  const village = settled(8);
  const sleeper = village.at(4);
  for (let round = 0; round < 6; round++) {
    village.pause(sleeper);
    village.run(8_000);
    village.resume(sleeper);
    expect(sleeper.life.doubt).toBeGreaterThan(0);
    village.run(2_000);
  }
  expect(wronged(village, [sleeper])).toEqual([]);
  const charges = sleeper.history.filter((line) => line.endsWith("failed"));
  expect(charges).toEqual([]);
});

describe("news of a member", () => {
  function said(who: Villager, incarnation: number, accused: boolean, left = false): Uint8Array {
    const statement = signStatement({ incarnation, left }, who.identity, network);
    return encodeNews({ statement, accused });
  }

  test("that is older than what is known changes nothing and is not passed on", () => {
    const village = settled(4);
    const [a, b, c] = [village.at(0), village.at(1), village.at(2)];
    village.publish(a, said(b, b.incarnation, true));
    village.run(1_000);
    expect(b.incarnation).toBe(2);
    const old = { kind: "gossip", peer: a.identity.peer } as const;
    for (const bytes of [said(b, 1, true), said(b, 1, false), said(b, 1, false, true)]) {
      expect(village.feed(c, { ...old, bytes })).toBe("ignore");
      expect(sees(c, b)).toBe("alive");
    }
  });

  test("that accuses it wrongly is refuted by itself within half a second", () => {
    const village = settled(6);
    const [a, b] = [village.at(0), village.at(1)];
    village.publish(a, said(b, b.incarnation, true));
    village.run(5);
    expect(sees(village.at(4), b)).toBe("suspect");
    village.run(500);
    expect(village.all.every((each) => isAlive(village, each))).toBe(true);
    expect(wronged(village, [])).toEqual([]);
  });

  test("that it did not sign is refused, and charged to who sent it", () => {
    const village = settled(4);
    const [a, b, c] = [village.at(0), village.at(1), village.at(2)];
    const genuine = signStatement({ incarnation: 9, left: true }, b.identity, network);
    const raised = { ...genuine, incarnation: 10 };
    const elsewhere = signStatement({ incarnation: 9, left: true }, b.identity, new Uint8Array(32));
    const current = signStatement({ incarnation: b.incarnation, left: false }, b.identity, network);
    const forged = { ...current, signature: new Uint8Array(64) };
    for (const [statement, accused] of [
      [raised, false],
      [elsewhere, false],
      [forged, true],
    ] as const) {
      const bytes = encodeNews({ statement, accused });
      expect(village.feed(c, { kind: "gossip", peer: a.identity.peer, bytes })).toBe("reject");
    }
    expect(c.charged).toEqual(["BAD_SIGNATURE", "BAD_SIGNATURE", "BAD_SIGNATURE"]);
    expect(sees(c, b)).toBe("alive");
    const self = { ...genuine, incarnation: 50 };
    const bytes = encodeNews({ statement: self, accused: false });
    expect(village.feed(b, { kind: "gossip", peer: a.identity.peer, bytes })).toBe("reject");
    village.run(1_000);
    expect(b.incarnation).toBe(1);
  });
});
