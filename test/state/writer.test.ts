/** What a node writes itself: its chain of headers, its nonce, and what is left of a write that failed half-way. */
import { describe, expect, onTestFinished, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import type { Store } from "../../src/core/ports.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { acceptBundle, type AcceptedBundle } from "../../src/protocol/state/bundle.ts";
import { noHash } from "../../src/protocol/state/header.ts";
import { getRegister } from "../../src/protocol/state/register.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { codedError } from "../coded-error.ts";
import { seededRandom } from "../seeded-random.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { failingStore } from "./failing-store.ts";
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
} from "./fixture.ts";
import { checkTables } from "./tables.ts";

function open(): Store {
  const store = openLmdbStore(temporaryFolder());
  onTestFinished(() => store.close());
  return store;
}

/** Writes one key in each of the namespaces, in one transaction. */
function write(state: State, namespaces: readonly string[], ms = wallMs): AcceptedBundle[] {
  const batches = namespaces.map((namespace, index) => ({
    namespace,
    entries: [register(`key ${index}`, `at ${ms}`)],
  }));
  return state.write(batches, ms).map(({ bundle }) => acceptBundle(bundle, network));
}

describe("the headers of a writer", () => {
  test("count and chain in each namespace, across transactions and restarts", () => {
    const store = open();
    const headers: AcceptedBundle[] = [];
    for (let round = 0; round < 4; round++) {
      const state = openState(store, { random: seededRandom(round) });
      headers.push(...write(state, ["a", "b", "a"]), ...write(state, ["a"]));
    }
    for (const namespace of ["a", "b"]) {
      const chain = headers.filter(({ header }) => header.namespace === namespace);
      expect(chain).toHaveLength(namespace === "a" ? 12 : 4);
      let prev: Uint8Array = noHash;
      for (const [index, { header, hash }] of chain.entries()) {
        expect(header.seq).toBe(BigInt(index + 1));
        expect(toHex(header.prev)).toBe(toHex(prev));
        prev = hash;
      }
    }
    const stamps = headers.map(({ header }) => header.stamp);
    expect(stamps).toEqual(stamps.toSorted((x, y) => (x < y ? -1 : 1)));
    expect(new Set(stamps).size).toBe(stamps.length);
    expect(new Set(headers.map(({ writer }) => toHex(writer))).size).toBe(1);
    checkTables(store, [toHex(headers[0]!.writer)]);
  });

  test("are remembered by their place when nothing of them lives any more", () => {
    const store = open();
    const state = openState(store);
    const first = write(state, ["a"])[0]!;
    const second = write(state, ["a"])[0]!;
    expect(state.summary("a").count).toBe(1);
    const kept = dump(store).filter((row) => row.startsWith("0f"));
    expect(kept).toHaveLength(2);
    for (const { hash } of [first, second]) {
      expect(kept.some((row) => row.includes(toHex(hash)))).toBe(true);
    }
    // of others only what lives
    const alice = testWriter("alice");
    for (const ms of [1, 2]) {
      const entries = [register("k", String(ms))];
      const batch = makeBatch({ writer: alice, seq: 1n, stamp: stampOf(wallMs + ms), entries });
      state.ingest(batch.bundle(), somePeer, wallMs);
    }
    expect(dump(store).filter((row) => row.startsWith("0f"))).toHaveLength(3);
  });
});

describe("the nonce of a writer", () => {
  const nonceOf = (state: State): string => toHex(state.writer.subarray(32));

  test("stays while the store lies where it was, and is a new one where it was copied to", () => {
    const store = open();
    const first = openState(store, { random: seededRandom(1), origin: "here" });
    const nonce = nonceOf(first);
    write(first, ["a"]);
    expect(nonceOf(openState(store, { random: seededRandom(2), origin: "here" }))).toBe(nonce);
    const moved = openState(store, { random: seededRandom(3), origin: "there" });
    expect(nonceOf(moved)).not.toBe(nonce);
    expect(nonceOf(openState(store, { random: seededRandom(4), origin: "there" }))).toBe(
      nonceOf(moved),
    );
    const [after] = write(moved, ["a"]);
    expect(after!.header).toMatchObject({ seq: 1n, prev: new Uint8Array(32) });
    // back where it came from it is a copy again
    const back = openState(store, { random: seededRandom(5), origin: "here" });
    expect([nonce, nonceOf(moved)]).not.toContain(nonceOf(back));
  });

  test("is not the author's only one: what was written under the old one counts as before", () => {
    const store = open();
    write(openState(store, { random: seededRandom(1) }), ["a"]);
    const moved = openState(store, { random: seededRandom(2), origin: "there" });
    expect(getRegister(moved, "a", "key 0", wallMs)?.author).toBe(testWriter("here").identity.peer);
    const [after] = write(moved, ["a"]);
    expect(getRegister(moved, "a", "key 0", wallMs)?.stamp).toBe(after!.header.stamp);
  });

  test("a store that a newer program wrote is refused by a code", async () => {
    const store = open();
    openState(store);
    const key = Uint8Array.from(Buffer.concat([Buffer.of(8), Buffer.from("schema")]));
    store.transaction((tx) => tx.put(key, Uint8Array.of(0, 3)));
    await codedError(() => openState(store), "STORE_VERSION");
  });
});

describe("a fork", () => {
  const alice = testWriter("alice");
  const prev = sha256(Buffer.from("before"));

  function forksOf(
    headers: readonly { seq: bigint; stamp: bigint; namespace?: string; writer?: typeof alice }[],
  ): { forks: number; told: number; live: number } {
    const store = open();
    const state = openState(store);
    let told = 0;
    state.listen({
      changed: () => {},
      namespace: () => {},
      closed: () => {},
      duties: () => {},
      forked: (author) => {
        expect(author).toBe(alice.identity.peer);
        told++;
      },
    });
    for (const [index, position] of headers.entries()) {
      const entries = [register(`key ${index}`), register(`other ${index}`)];
      const options = {
        writer: alice,
        prev: position.seq === 1n ? noHash : prev,
        entries,
        ...position,
      };
      const batch = makeBatch(options);
      for (const bundle of [batch.bundle([0]), batch.bundle([1]), batch.bundle()]) {
        state.ingest(bundle, somePeer, wallMs);
      }
    }
    expect(openState(store).forks).toBe(state.forks);
    checkTables(store, []);
    return { forks: state.forks, told, live: state.summary("default").count };
  }

  const [one, two] = [stampOf(wallMs, 1), stampOf(wallMs, 2)];

  test("is two headers at one sequence number, and both sets of entries live", () => {
    expect(
      forksOf([
        { seq: 2n, stamp: one },
        { seq: 2n, stamp: two },
      ]),
    ).toEqual({
      forks: 1,
      told: 1,
      live: 4,
    });
  });

  test("is two headers at one stamp", () => {
    expect(
      forksOf([
        { seq: 1n, stamp: one },
        { seq: 2n, stamp: one },
      ]).forks,
    ).toBe(1);
  });

  test("is not two headers in order, of two namespaces or of two nonces", () => {
    expect(
      forksOf([
        { seq: 1n, stamp: one },
        { seq: 2n, stamp: two },
      ]).forks,
    ).toBe(0);
    expect(
      forksOf([
        { seq: 1n, stamp: one },
        { seq: 1n, stamp: one, namespace: "b" },
      ]).forks,
    ).toBe(0);
    const again = testWriter("alice", 2);
    expect(
      forksOf([
        { seq: 1n, stamp: one },
        { seq: 1n, stamp: one, writer: again },
      ]).forks,
    ).toBe(0);
  });

  test("is not made by this node once it knows that a copy of it used its next place", () => {
    const store = open();
    const state = openState(store);
    const here = { identity: testWriter("here").identity, nonce: state.writer.slice(32) };
    const copy = makeBatch({
      writer: here,
      entries: [register("by the copy")],
      stamp: stampOf(wallMs - 1),
    });
    state.ingest(copy.bundle(), somePeer, wallMs);
    write(state, ["default"]);
    expect(state.forks).toBe(0);
    expect(openState(store).writer).toEqual(state.writer);
    expect(toHex(state.writer.slice(32))).not.toBe(toHex(here.nonce));
  });
});

describe("a write that the store refuses half-way", () => {
  test("leaves nothing behind in store or memory, wherever it broke off", async () => {
    const inner = open();
    const store = failingStore(inner);
    const state = openState(store);
    const told: string[] = [];
    state.listen({
      changed: (names) => told.push(`changed ${names.join()}`),
      namespace: (name) => told.push(`namespace ${name}`),
      forked: () => told.push("forked"),
      closed: () => told.push("closed"),
      duties: () => told.push("duties"),
    });
    write(state, ["a", "b"]);
    store.failAfter(undefined);
    told.length = 0;
    const before = dump(inner);
    let refused = 0;
    for (let writes = 0; ; writes++) {
      store.failAfter(writes);
      try {
        write(state, ["a", "new", "a"], wallMs + 1);
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "STORE_FULL" });
        refused++;
      }
      expect(dump(inner)).toEqual(before);
      expect(state.namespaces()).toEqual(["a", "b"]);
      expect(told).toEqual([]);
      expect(state.summary("new").count).toBe(0);
    }
    expect(refused).toBeGreaterThan(25);
    expect(told).toEqual(["namespace new", "changed a,new"]);
    store.failAfter(undefined);
    const [next] = write(state, ["a"], wallMs + 2);
    expect(next!.header.seq).toBe(4n);
    checkTables(inner, [toHex(state.writer)]);
    const [after] = write(openState(inner), ["new"], wallMs);
    expect(after!.header.seq).toBe(2n);
    expect(after!.header.stamp).toBeGreaterThan(next!.header.stamp);
  });

  test("so does a bundle of another's, and it is taken the next time", () => {
    const inner = open();
    const store = failingStore(inner);
    const state = openState(store);
    const alice = testWriter("alice");
    const before = dump(inner);
    const stamp = stampOf(wallMs + 30_000);
    const entries = [register("x"), register("y"), register("z")];
    const bundle = makeBatch({ writer: alice, stamp, entries }).bundle();
    const forged = makeBatch({ writer: alice, stamp, entries: entries.slice(1) }).bundle();
    const bundles = [bundle, forged].map((bytes) => acceptBundle(bytes, network));
    for (let writes = 0; ; writes++) {
      store.failAfter(writes);
      try {
        state.apply(bundles);
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "STORE_FULL" });
      }
      expect(dump(inner)).toEqual(before);
      expect([state.namespaces(), state.forks, state.leadMs(wallMs)]).toEqual([[], 0, 0]);
    }
    expect([state.namespaces(), state.forks, state.leadMs(wallMs)]).toEqual([
      ["default"],
      1,
      30_000,
    ]);
    checkTables(inner, []);
  });
});

describe("namespaces", () => {
  test("are at most 256, whoever would make one more, and all of them are there after a restart", async () => {
    const store = open();
    const state = openState(store);
    const names = Array.from({ length: limits.namespacesMax }, (_, index) => `n${index}`);
    write(state, names);
    const both = ["n1", "one-more"].map((namespace) => ({ namespace, entries: [register("k")] }));
    const [fits, tooMany] = state.write(both, wallMs);
    expect([fits!.entries, fits!.refused.size]).toEqual([1, 0]);
    expect([tooMany!.entries, tooMany!.refused.get(0)?.code]).toEqual([0, "OVERLOADED"]);
    const alice = testWriter("alice");
    const entries = [register("a"), register("b")];
    const more = makeBatch({ writer: alice, namespace: "one-more", entries });
    const result = state.ingest(more.bundle(), somePeer, wallMs);
    expect(result).toMatchObject({ applied: 0, known: 0, refused: 2, invalid: false });
    expect(result.reason).toContain("namespaces");
    const old = makeBatch({ writer: alice, namespace: "n7", entries });
    expect(state.ingest(old.bundle(), somePeer, wallMs).applied).toBe(2);
    expect(state.namespaces()).toEqual(names.toSorted());
    expect(openState(store).namespaces()).toEqual(names.toSorted());
  });

  test("of which some begin like others are kept apart", () => {
    const store = open();
    const state = openState(store);
    const names = ["a", "a-", "a-b", "ab", "a0", "b"].filter((name) => !name.endsWith("-"));
    write(state, names);
    for (const name of names) expect(state.summary(name).count).toBe(1);
    expect(openState(store).namespaces()).toEqual(names.toSorted());
    checkTables(store, [toHex(state.writer)]);
  });
});
