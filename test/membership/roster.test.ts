import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { forkList } from "../../src/daemon/fork-list.ts";
import {
  decodeCard,
  encodeCard,
  memberKey,
  memberOfKey,
  type MemberCard,
} from "../../src/protocol/membership/card.ts";
import { Roster } from "../../src/protocol/membership/roster.ts";
import { closingKey } from "../../src/protocol/state/closing.ts";
import { forkKey } from "../../src/protocol/state/fork-proof.ts";
import { testWriter, writerBytesOf, type TestWriter } from "../state/fixture.ts";

const now = 1_800_000_000_000;
const minute = 60_000;
const card: MemberCard = { name: "a node", version: "0.1.0", left: false };

function rosterOf(...peers: string[]): Roster {
  const roster = new Roster("self");
  for (const peer of peers) roster.setCard(peer, card);
  return roster;
}

function statusOf(roster: Roster, peer: string, wallMs: number): string | undefined {
  return roster.list(wallMs).find((member) => member.peer === peer)?.status;
}

describe("a member's card", () => {
  test("comes back from its bytes", () => {
    const text = fc.string({ maxLength: 40, unit: "binary" }).filter((name) => name.isWellFormed());
    const property = fc.property(text, text, fc.boolean(), (name, version, left) => {
      expect(decodeCard(encodeCard({ name, version, left }))).toEqual({ name, version, left });
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("may have more fields than this version knows, and texts are cut", () => {
    const long = { ...card, name: "n".repeat(500), tags: ["x"], left: "yes" };
    expect(decodeCard(encodeUtf8(JSON.stringify(long)))).toEqual({
      ...card,
      name: "n".repeat(128),
    });
  });

  test("has tags and a capacity where it has sound ones", () => {
    const full = { ...card, tags: { role: "worker" }, capacity: { quota: 10, free: 3 } };
    expect(decodeCard(encodeCard(full))).toEqual(full);
    for (const capacity of [
      null,
      1,
      {},
      { quota: 1 },
      { quota: 1, free: 2 },
      { quota: 2, free: -1 },
      { quota: 1.5, free: 1 },
      { quota: 2 ** 60, free: 1 },
      { quota: "9", free: 1 },
    ]) {
      const text = JSON.stringify({ ...card, tags: ["x"], capacity });
      expect(decodeCard(encodeUtf8(text))).toEqual(card);
    }
  });

  test("keeps what another version wrote in it, if that is not too much", () => {
    const before = { ...card, name: "old", region: { a: [1] }, tags: { role: "old" } };
    const bytes = (value: object): Uint8Array => encodeUtf8(JSON.stringify(value));
    const written = JSON.parse(decodeUtf8(encodeCard(card, bytes(before))));
    expect(written).toEqual({ ...card, region: { a: [1] } });
    const much = { ...before, region: "x".repeat(limits.cardUnknownBytesMax) };
    expect(encodeCard(card, bytes(much))).toEqual(encodeCard(card));
    expect(encodeCard(card, encodeUtf8("no card"))).toEqual(encodeCard(card));
  });

  test("of anything else is none, and nothing worse", () => {
    for (const text of ["", "null", "[]", "1", '"card"', "{}", '{"name":1,"version":"x"}', "{"]) {
      expect(decodeCard(encodeUtf8(text))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => void decodeCard(bytes)),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.json(), (text) => void decodeCard(encodeUtf8(text))),
      { numRuns: 300 },
    );
  });

  test("lies under its member's key", () => {
    expect(memberOfKey(memberKey("peer"))).toBe("peer");
    expect(memberOfKey("members/peer/load")).toBeUndefined();
    expect(memberOfKey("other/peer")).toBeUndefined();
  });
});

describe("a member is", () => {
  test("suspected until something is said of it", () => {
    const roster = rosterOf("a");
    expect(roster.list(now)).toEqual([
      {
        ...card,
        peer: "a",
        status: "suspect",
        lastHeardAt: undefined,
        connected: false,
        self: false,
        fork: undefined,
      },
    ]);
  });

  test("what is said of it, connected or not, whatever the wall clock shows", () => {
    const roster = rosterOf("a");
    roster.setConnected("a", true, now);
    for (const standing of ["alive", "suspect", "failed", "left"] as const) {
      roster.setStanding("a", standing);
      for (const at of [now, now + 60 * minute, now - 60 * minute]) {
        expect(statusOf(roster, "a", at)).toBe(standing);
      }
    }
  });

  test("heard of when a neighbour says so, at the age of the latest news", () => {
    const roster = rosterOf("a");
    const heardAt = (): number | undefined => roster.list(now)[0]?.lastHeardAt;
    roster.heard("a", 20_000, now);
    expect(heardAt()).toBe(now - 20_000);
    roster.heard("a", 50_000, now); // older news change nothing
    expect(heardAt()).toBe(now - 20_000);
    roster.heard("a", 5_000, now);
    expect(heardAt()).toBe(now - 5_000);
  });

  test("not heard of by news that are too old, from the future, or no number", () => {
    const roster = rosterOf("a");
    for (const ageMs of [minute + 1, -1, Infinity, Number.NaN]) roster.heard("a", ageMs, now);
    expect(roster.list(now)[0]?.lastHeardAt).toBeUndefined();
  });

  test("left when its card says so, whatever else is said", () => {
    const roster = rosterOf("a");
    roster.setStanding("a", "alive");
    roster.setCard("a", { ...card, left: true });
    expect(statusOf(roster, "a", now)).toBe("left");
    expect(roster.present()).toEqual([]);
    roster.setCard("a", card);
    expect(statusOf(roster, "a", now)).toBe("alive");
    expect(roster.present()).toEqual(["a"]);
  });

  test("not shown when it is to be forgotten, until it is alive again", () => {
    const roster = rosterOf("a", "b");
    let changes = 0;
    const stop = roster.onChange(() => changes++);
    roster.setStanding("a", "failed");
    roster.setForgotten(new Set(["a"]));
    expect(roster.list(now).map(({ peer }) => peer)).toEqual(["b"]);
    roster.setStanding("a", "alive");
    expect(roster.list(now).map(({ peer }) => peer)).toEqual(["a", "b"]);
    expect(changes).toBe(3);
    stop();
    roster.setStanding("a", "failed");
    expect(changes).toBe(3);
  });

  test("alive, and this node, when it is this node", () => {
    const roster = rosterOf("self");
    expect(roster.list(now)[0]).toMatchObject({ status: "alive", self: true, lastHeardAt: now });
  });

  test("forgotten with its card", () => {
    const roster = rosterOf("a", "b");
    roster.setCard("a", undefined);
    expect(roster.list(now).map(({ peer }) => peer)).toEqual(["b"]);
    expect([roster.card("a"), roster.name("b")]).toEqual([undefined, "a node"]);
  });

  test("heard of anew after the clock was set back", () => {
    const roster = rosterOf("a", "b");
    for (const peer of ["a", "b"]) {
      roster.setConnected(peer, true, now);
      roster.setConnected(peer, false, now);
    }
    const back = now - 60 * minute;
    roster.heard("b", 1_000, back);
    expect(roster.lately(back)).toEqual([{ peer: "b", ageMs: 1_000 }]);
  });
});

describe("a member's fork", () => {
  const [a, b] = ["a", "b"].map((name) => testWriter(name, 1));
  const proof = (writer: TestWriter): string => forkKey(writerBytesOf(writer));
  const closing = (writer: TestWriter): string => closingKey(writerBytesOf(writer));
  const second = testWriter("a", 2);

  test.each([
    ["a proof", [proof(a!)], "equivocator"],
    ["a proof and its closing, in any order", [closing(a!), proof(a!)], "forked"],
    ["a closing", [closing(a!)], "forked"],
    ["a proof, and the closing of another writer", [proof(a!), closing(second)], "equivocator"],
    ["a closed fork and one that is not", [proof(a!), closing(a!), proof(second)], "equivocator"],
    ["two closed forks", [proof(a!), proof(second), closing(second), closing(a!)], "forked"],
    ["a proof against another", [proof(b!)], undefined],
    [
      "keys of no such form",
      ["forks/", "forks/00", "members/x/closed/0011223344556677"],
      undefined,
    ],
  ])("is told from %s", (_, keys, fork) => {
    expect(forkList(keys).get(a!.identity.peer)).toBe(fork);
  });

  test("is in the list, with a card or without", () => {
    const roster = rosterOf("a");
    roster.setForks(
      new Map([
        ["a", "forked"],
        ["b", "equivocator"],
      ]),
    );
    const listed = roster.list(now).map(({ peer, name, fork }) => [peer, name, fork]);
    expect(listed).toEqual([
      ["a", "a node", "forked"],
      ["b", "", "equivocator"],
    ]);
    roster.setForks(new Map());
    expect(roster.list(now).map(({ fork }) => fork)).toEqual([undefined]);
  });
});

describe("news for neighbours", () => {
  test("are the members heard of in the last minute, newest first, with the age of the news", () => {
    const roster = rosterOf("a", "b", "c", "d");
    roster.setConnected("a", true, now - 30_000);
    roster.heard("b", 40_000, now);
    roster.heard("c", 10_000, now);
    expect(roster.lately(now)).toEqual([
      { peer: "a", ageMs: 0 },
      { peer: "c", ageMs: 10_000 },
      { peer: "b", ageMs: 40_000 },
    ]);
    expect(roster.lately(now + 20_001).map(({ peer }) => peer)).toEqual(["a", "c"]);
  });

  test("do not get younger by being passed on", () => {
    const [a, b] = [rosterOf("x"), rosterOf("x")];
    a.setConnected("x", true, now);
    a.setConnected("x", false, now);
    for (let second = 1; second <= 100; second++) {
      const at = now + second * 700;
      for (const { peer, ageMs } of a.lately(at)) b.heard(peer, ageMs, at);
      for (const { peer, ageMs } of b.lately(at)) a.heard(peer, ageMs, at);
    }
    expect([a, b].map((roster) => roster.lately(now + 70_000))).toEqual([[], []]);
  });

  test("are so many at most", () => {
    const peers = Array.from(
      { length: limits.heardMembersMax + 50 },
      (_, index) => `peer ${index}`,
    );
    const roster = rosterOf(...peers);
    for (const [index, peer] of peers.entries()) roster.heard(peer, index, now);
    const news = roster.lately(now);
    expect(news.map(({ peer }) => peer)).toEqual(peers.slice(0, limits.heardMembersMax));
  });

  test("of strangers are not taken, and strangers who were connected are forgotten when they go", () => {
    const roster = rosterOf("a");
    roster.heard("stranger", 0, now);
    expect(roster.lately(now)).toEqual([]);
    roster.setConnected("stranger", true, now);
    expect(roster.lately(now)).toEqual([{ peer: "stranger", ageMs: 0 }]);
    expect(roster.list(now).map(({ peer }) => peer)).toEqual(["a"]);
    roster.setConnected("stranger", false, now);
    expect(roster.lately(now)).toEqual([]);
    roster.setCard("stranger", card);
    expect(statusOf(roster, "stranger", now)).toBe("suspect");
  });
});
