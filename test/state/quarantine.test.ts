import { describe, expect, onTestFinished, test } from "vitest";
import { peerNameOf } from "../../src/core/ids.ts";
import { limits } from "../../src/core/limits.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import { classes } from "../../src/protocol/state/entry.ts";
import { Quarantine } from "../../src/protocol/state/quarantine.ts";
import { getRegister } from "../../src/protocol/state/register.ts";
import type { State } from "../../src/protocol/state/state.ts";
import type { Store } from "../../src/core/ports.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  dump,
  makeBatch,
  network,
  openState,
  register,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
  type Batch,
} from "./fixture.ts";
import { failingStore } from "./failing-store.ts";

const minute = 60_000;
const alice = testWriter("alice");

function open(): { store: Store; state: State } {
  const store = openLmdbStore(temporaryFolder());
  onTestFinished(() => store.close());
  return { store, state: openState(store) };
}

function futureBatch(inMs: number, keys: readonly string[] = ["k"], writer = alice): Batch {
  const stamp = stampOf(wallMs + inMs);
  return makeBatch({ writer, stamp, entries: keys.map((key) => register(key, `in ${inMs}`)) });
}

describe("a bundle from the future", () => {
  test("changes nothing until it is due, then lives", () => {
    const { store, state } = open();
    const before = dump(store);
    const result = state.ingest(futureBatch(minute + 1, ["a", "b"]).bundle(), somePeer, wallMs);
    expect(result).toMatchObject({
      applied: 0,
      known: 0,
      quarantined: 2,
      refused: 0,
      invalid: false,
    });
    expect(dump(store)).toEqual(before);
    expect(state.namespaces()).toEqual([]);
    expect(state.quarantined).toBe(2);
    expect(state.nextDueMs()).toBe(wallMs + 1);
    state.promote(wallMs);
    expect(state.quarantined).toBe(2);
    state.promote(wallMs + 1);
    expect(state.quarantined).toBe(0);
    expect(state.nextDueMs()).toBeUndefined();
    expect(getRegister(state, "default", "a", wallMs)?.stamp).toBe(stampOf(wallMs + minute + 1));
    expect(state.summary("default").count).toBe(2);
  });

  test("is one that is more than a minute ahead, not one that is just that", () => {
    const { state } = open();
    const edge = makeBatch({
      writer: alice,
      stamp: stampOf(wallMs + minute, 0xffff),
      entries: [register("k")],
    });
    expect(state.ingest(edge.bundle(), somePeer, wallMs).applied).toBe(1);
    const beyond = makeBatch({
      writer: alice,
      stamp: stampOf(wallMs + minute + 1),
      entries: [register("k")],
    });
    expect(state.ingest(beyond.bundle(), somePeer, wallMs).quarantined).toBe(1);
  });

  test("is held once however often and by whomever it is offered", () => {
    const { state } = open();
    const batch = futureBatch(2 * minute, ["a", "b", "c"]);
    for (const peer of [somePeer, "another peer"]) {
      expect(state.ingest(batch.bundle(), peer, wallMs).quarantined).toBe(3);
    }
    expect(state.quarantined).toBe(3);
  });

  test("that is refused by the rules is not held", () => {
    const { state } = open();
    const bad = makeBatch({
      writer: alice,
      stamp: stampOf(wallMs + 2 * minute),
      entries: [{ class: classes.last, type: "register", key: "k", epoch: 1n }],
    });
    expect(state.ingest(bad.bundle(), somePeer, wallMs)).toMatchObject({
      refused: 1,
      invalid: true,
    });
    expect(state.quarantined).toBe(0);
  });

  test("comes in its turn with the others, the latest of a key winning", () => {
    const { state } = open();
    for (const ms of [3, 1, 4, 1, 5, 9, 2, 6]) {
      state.ingest(futureBatch(minute + ms).bundle(), somePeer, wallMs);
    }
    expect(state.nextDueMs()).toBe(wallMs + 1);
    state.promote(wallMs + 4);
    expect(getRegister(state, "default", "k", wallMs)?.stamp).toBe(stampOf(wallMs + minute + 4));
    expect(state.quarantined).toBe(3);
    state.promote(wallMs + 100);
    expect(getRegister(state, "default", "k", wallMs)?.stamp).toBe(stampOf(wallMs + minute + 9));
    expect(state.quarantined).toBe(0);
  });
});

test("a crowd that falls due at once is let in by portions, and all of it in the end", () => {
  const { state } = open();
  const count = 100;
  for (let index = 0; index < count; index++) {
    const batch = makeBatch({
      writer: alice,
      stamp: stampOf(wallMs + minute + 1, index),
      entries: [register(`key ${index}`)],
    });
    state.ingest(batch.bundle(), somePeer, wallMs);
  }
  let calls = 0;
  while (state.quarantined > 0 && calls < 10) {
    const before = state.quarantined;
    state.promote(wallMs + 1);
    expect(before - state.quarantined).toBeLessThanOrEqual(32);
    calls++;
  }
  expect(calls).toBe(4);
  expect(state.summary("default").count).toBe(count);
});

test("what the store refuses when it falls due is kept for the next time", () => {
  const { store } = open();
  const failing = failingStore(store);
  const state = openState(failing);
  state.ingest(futureBatch(minute + 1).bundle(), somePeer, wallMs);
  failing.failAfter(0);
  expect(() => state.promote(wallMs + 1)).toThrow(CoterieError);
  expect(state.quarantined).toBe(1);
  failing.failAfter(undefined);
  state.promote(wallMs + 1);
  expect(state.quarantined).toBe(0);
  expect(state.summary("default").count).toBe(1);
});

/** Bundles of this author and one size, each another. */
function* bundles(author: string, bodyBytes: number, first = 0): Generator<Batch> {
  for (let index = first; ; index++) {
    const body = new Uint8Array(bodyBytes);
    const key = `key ${String(index).padStart(6, "0")}`;
    const entries = [{ class: classes.last, type: "register", key, body }];
    const stamp = stampOf(wallMs + 2 * minute, index);
    yield makeBatch({ writer: testWriter(author), stamp, entries });
  }
}

/** Holds bundles until the quarantine takes no more, and answers how many it took. */
function fill(quarantine: Quarantine, batches: Iterable<Batch>, from: string): number {
  let count = 0;
  for (const batch of batches) {
    const bundle = batch.bundle();
    if (!quarantine.hold(acceptBundle(bundle, network), bundle, from)) return count;
    count++;
  }
  return count;
}

describe("the quarantine", () => {
  const bodyBytes = 200_000;
  const [sample] = bundles("author", bodyBytes);
  const fits = (limit: number): number => Math.floor(limit / sample!.bundle().length);
  const perAuthor = fits(limits.quarantinePerAuthorBytesMax);
  const perPeer = fits(limits.quarantinePerPeerBytesMax);
  const inAll = fits(limits.quarantineBytesMax);

  /** What many authors can bring in through one peer. */
  function fillFrom(quarantine: Quarantine, peer: string): number {
    let count = 0;
    for (let author = 0; author < 6; author++) {
      count += fill(quarantine, bundles(`author ${author} of ${peer}`, bodyBytes), peer);
    }
    return count;
  }

  test("takes so much of an author, by whatever peer", () => {
    const quarantine = new Quarantine();
    expect(fill(quarantine, bundles("author", bodyBytes), "peer")).toBe(perAuthor);
    expect(fill(quarantine, bundles("author", bodyBytes, 1_000), "another peer")).toBe(0);
    expect(fill(quarantine, bundles("another author", bodyBytes), "peer")).toBe(perAuthor);
  });

  test("takes so much from a peer, of whatever authors, and so much in all", () => {
    const quarantine = new Quarantine();
    expect(fillFrom(quarantine, "peer 0")).toBe(perPeer);
    expect(fillFrom(quarantine, "peer 1")).toBe(perPeer);
    fillFrom(quarantine, "peer 2");
    fillFrom(quarantine, "peer 3");
    expect(quarantine.size).toBe(4 * perPeer);
    fillFrom(quarantine, "peer 4");
    expect(quarantine.size).toBe(inAll);
    expect(fillFrom(quarantine, "peer 5")).toBe(0);
  });

  test("has room again for what it let go, once", () => {
    const quarantine = new Quarantine();
    fill(quarantine, bundles("author", bodyBytes), "peer");
    const due = quarantine.due(2n ** 64n, 5);
    expect(due).toHaveLength(5);
    for (const held of [...due, ...due]) quarantine.release(held);
    expect(quarantine.size).toBe(perAuthor - 5);
    expect(fill(quarantine, bundles("author", bodyBytes, 1_000), "peer")).toBe(5);
    for (const held of quarantine.due(2n ** 64n, Infinity)) quarantine.release(held);
    expect([quarantine.size, quarantine.earliest()]).toEqual([0, undefined]);
    expect(fillFrom(quarantine, "peer")).toBe(perPeer);
  });

  test("holds few of even the smallest bundles, since each is looked at when time passes", () => {
    const quarantine = new Quarantine();
    const count = fill(quarantine, bundles("author", 1), "peer");
    expect(count).toBe(limits.quarantinePerAuthorBytesMax / 4096);
  });

  test("says when it is full, and blames nobody", () => {
    const { state } = open();
    const peer = peerNameOf(alice.identity.publicKey);
    let last;
    for (const batch of bundles("author", bodyBytes)) {
      last = state.ingest(batch.bundle(), peer, wallMs);
      if (last.quarantined === 0) break;
    }
    expect(last).toMatchObject({ refused: 1, invalid: false, applied: 0, known: 0 });
    expect(last?.reason).toContain("quarantine is full");
  });
});
