import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { forkList } from "../../src/daemon/fork-list.ts";
import {
  decodeCard,
  encodeCard,
  memberKey,
  memberOfKey,
  Roster,
  type MemberCard,
} from "../../src/protocol/membership/roster.ts";
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
  test("unseen until it is heard of", () => {
    const roster = rosterOf("a");
    expect(roster.list(now)).toEqual([
      {
        ...card,
        peer: "a",
        status: "unseen",
        lastHeardAt: undefined,
        connected: false,
        self: false,
        fork: undefined,
      },
    ]);
  });

  test("alive while it is connected and for a minute after", () => {
    const roster = rosterOf("a");
    roster.setConnected("a", true, now);
    expect(roster.list(now + 10 * minute)[0]).toMatchObject({
      status: "alive",
      connected: true,
      lastHeardAt: now + 10 * minute,
    });
    roster.setConnected("a", false, now + 10 * minute);
    expect(roster.list(now + 11 * minute)[0]).toMatchObject({
      status: "alive",
      connected: false,
      lastHeardAt: now + 10 * minute,
    });
    expect(statusOf(roster, "a", now + 11 * minute + 1)).toBe("unseen");
  });

  test("alive when a neighbour heard of it lately, for what is left of that minute", () => {
    const roster = rosterOf("a");
    roster.heard("a", 20_000, now);
    expect(statusOf(roster, "a", now + 40_000)).toBe("alive");
    expect(statusOf(roster, "a", now + 40_001)).toBe("unseen");
    roster.heard("a", 50_000, now); // older news change nothing
    expect(roster.list(now)[0]?.lastHeardAt).toBe(now - 20_000);
    roster.heard("a", 5_000, now);
    expect(roster.list(now)[0]?.lastHeardAt).toBe(now - 5_000);
  });

  test("not alive by news that are too old, from the future, or no number", () => {
    const roster = rosterOf("a");
    for (const ageMs of [minute + 1, -1, Infinity, Number.NaN]) roster.heard("a", ageMs, now);
    expect(statusOf(roster, "a", now)).toBe("unseen");
  });

  test("left when it says so, connected or not", () => {
    const roster = rosterOf("a");
    roster.setConnected("a", true, now);
    roster.setCard("a", { ...card, left: true });
    expect(statusOf(roster, "a", now)).toBe("left");
    roster.setCard("a", card);
    expect(statusOf(roster, "a", now)).toBe("alive");
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

  test("not alive for an hour because the clock was set back by one", () => {
    const roster = rosterOf("a", "b");
    for (const peer of ["a", "b"]) {
      roster.setConnected(peer, true, now);
      roster.setConnected(peer, false, now);
    }
    const back = now - 60 * minute;
    expect(statusOf(roster, "a", back)).toBe("unseen");
    roster.heard("b", 1_000, back);
    expect(roster.list(back).map(({ peer, status }) => `${peer} ${status}`)).toEqual([
      "a unseen",
      "b alive",
    ]);
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
    expect([statusOf(a, "x", now + 70_000), statusOf(b, "x", now + 70_000)]).toEqual([
      "unseen",
      "unseen",
    ]);
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
    expect(statusOf(roster, "stranger", now)).toBe("unseen");
  });
});
