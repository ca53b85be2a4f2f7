/** One key on which everything falls: a store looks at a few of the rows that are there, the model at all of them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import { liveRows, weigh } from "../../src/protocol/state/live-rows.ts";
import { entryKey } from "../../src/protocol/state/rows.ts";
import type { Entry, EntryClass } from "../../src/protocol/state/entry.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { memoryStore } from "../memory-store.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  makeBatch,
  network,
  openState,
  somePeer,
  stampOf,
  wallMs,
  writerBytesOf,
} from "./fixture.ts";
import { hostileWriters, someEntry, someStamp } from "./hostile.ts";
import { beats, liveSet, type Placed } from "./law.ts";
import { checkTables } from "./tables.ts";

type Plan = { readonly writer: number; readonly stamp: bigint; readonly entries: readonly Entry[] };

/** Mostly of one epoch, so that the rules within it are what decides. */
function plansOf(entryClass: EntryClass): fc.Arbitrary<Plan[]> {
  const entry = fc.tuple(someEntry(entryClass, ["k"]), fc.nat({ max: 9 })).map(([given, keep]) => {
    return keep === 0 ? given : { ...given, epoch: undefined };
  });
  const plan = fc.record({
    writer: fc.constantFrom(0, 0, 0, 1, 2),
    stamp: fc.oneof(
      someStamp,
      fc.nat({ max: 9 }).map((count) => stampOf(wallMs, count)),
    ),
    entries: fc.array(entry, { minLength: 1, maxLength: 3 }),
  });
  return fc.array(plan, { minLength: 1, maxLength: 25 });
}

describe.each([
  ["last", 1],
  ["context", 2],
  ["slot", 3],
  ["append", 4],
] as const)("of class %s", (_name, entryClass) => {
  test("what lives is what nothing supersedes, whatever came and in whatever order", () => {
    const property = fc.property(plansOf(entryClass), (plans) => {
      const store = memoryStore();
      const state = openState(store);
      const all: (Placed & { readonly index: number })[] = [];
      for (const { writer, stamp, entries } of plans) {
        const bundle = makeBatch({ writer: hostileWriters[writer]!, stamp, entries }).bundle();
        const accepted = acceptBundle(bundle, network);
        const offered = accepted.entries.map(({ entry, hash, index }) => {
          return { namespace: "default", entry, writer: accepted.writer, stamp, hash, index };
        });
        const news = offered.some((one) => {
          const known = all.some(({ hash }) => toHex(hash) === toHex(one.hash));
          return !known && !all.some((other) => beats(other, one));
        });
        if (offered.length > 0) expect(state.isNews(accepted)).toBe(news);
        state.ingest(bundle, somePeer, wallMs);
        all.push(...offered);
        const live = liveSet(all).map(({ hash }) => toHex(hash));
        const subject = {
          namespace: "default",
          class: entryClass,
          type: `type${entryClass}`,
          key: "k",
        };
        const rows = [...liveRows(store, subject)];
        expect(rows.map(({ place }) => toHex(place.hash)).toSorted()).toEqual(live.toSorted());
        for (const one of all) {
          const key = entryKey({ ...one, subject, range: one.entry.range });
          expect(weigh(store, subject, { ...one, key })).toBeUndefined();
        }
      }
      checkTables(store, []);
    });
    fc.assert(property, { numRuns: 30 });
  });
});

test("a reader that pauses between rows passes over what was superseded meanwhile", async () => {
  const store = openLmdbStore(temporaryFolder());
  const state = openState(store);
  const [writer] = hostileWriters;
  const log = { class: 4, type: "log", key: "k" } as const;
  for (let count = 0; count < 24; count++) {
    const entries = [{ ...log, body: Uint8Array.of(count) }];
    const batch = makeBatch({ writer: writer!, entries, stamp: stampOf(wallMs, count) });
    state.ingest(batch.bundle(), somePeer, wallMs);
  }
  const rows = liveRows(store, { namespace: "default", ...log });
  expect(rows.next().value?.encoded).toBeDefined();
  const kept = rows.next().value;
  const range = { from: stampOf(wallMs, 1), to: stampOf(wallMs, 22) };
  const checkpoint = { ...log, range, body: Uint8Array.of(99) };
  const batch = makeBatch({ writer: writer!, entries: [checkpoint], stamp: stampOf(wallMs, 99) });
  state.ingest(batch.bundle(), somePeer, wallMs);
  await new Promise((resolve) => setImmediate(resolve));
  const rest = [...rows].map(({ encoded }) => Array.from(encoded.subarray(-1))[0]);
  expect(rest[0]).toBe(23);
  // what it holds already stays readable, though its batch is gone
  expect(Array.from(kept!.encoded.subarray(-1))).toEqual([1]);
  expect(toHex(kept!.writer)).toBe(toHex(writerBytesOf(writer!)));
  await store.close();
});
