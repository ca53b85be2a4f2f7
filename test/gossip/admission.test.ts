/** Budgets delay; they know the peer that sends, the author, and nobody for ever. */
import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { Admission } from "../../src/protocol/gossip/admission.ts";

const hour = 3_600_000;

test("a peer introduces so many authors within an hour, and more later", () => {
  const admission = new Admission();
  const gossip = (author: string, nowMs = 0): string | undefined =>
    admission.gossip("peer", { author, entries: 1 }, nowMs);
  let taken = 0;
  for (let index = 0; index < 3_000; index++) taken += Number(gossip(`${index}`) === undefined);
  expect(taken).toBe(limits.newAuthorsPerPeerPerHour);
  expect(gossip("one more")).toBe("new_authors");
  expect(admission.gossip("another peer", { author: "one more", entries: 1 }, 0)).toBe(undefined);
  expect(gossip("one more", hour / 10)).toBe(undefined);
});

test("in sessions it introduces more, so that what many brought to it comes through", () => {
  const admission = new Admission();
  let taken = 0;
  for (let index = 0; index < 20_000; index++) {
    taken += Number(admission.session("peer", `${index}`, 0));
  }
  expect(taken).toBe(limits.newAuthorsInSessionsPerPeerPerHour);
});

test("an author of something sound is not new, through whomever it comes", () => {
  const admission = new Admission();
  admission.sound("author");
  for (let index = 0; index < 20_000; index++) admission.session("peer", `${index}`, 0);
  expect(admission.session("peer", "author", 0)).toBe(true);
  expect(admission.session("peer", "stranger", 0)).toBe(false);
});

test("gossip of one author has a rate, and so has a peer with all its authors", () => {
  const admission = new Admission();
  const count = (author: (index: number) => string, nowMs: number): number => {
    let taken = 0;
    for (let index = 0; index < 50_000; index++) {
      const load = { author: author(index), entries: 1 };
      if (admission.gossip("peer", load, nowMs) === undefined) taken++;
    }
    return taken;
  };
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  for (const name of names) admission.sound(name);
  const costly = 1 + 1 / 16;
  expect(count(() => "a", 0)).toBe(Math.floor(limits.authorGossipBurst / costly));
  expect(admission.gossip("peer", { author: "b", entries: 1 }, 0)).toBe("peer_over_rate");
  const later = count((index) => names[index % names.length]!, 600_000);
  expect(later).toBe(Math.floor(limits.peerGossipBurst / costly));
});
