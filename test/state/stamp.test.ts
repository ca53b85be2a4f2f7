import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import { classes } from "../../src/protocol/state/entry.ts";
import {
  StampClock,
  stampAt,
  stampLimit,
  stampMs,
  stampText,
} from "../../src/protocol/state/stamp.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  makeBatch,
  network,
  openState,
  register,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
} from "./fixture.ts";

const minute = 60_000;

describe("the clock of stamps", () => {
  test("draws each stamp larger than all drawn and seen before, and near the wall when that moves on", () => {
    const input = fc.oneof(
      fc.record({ wall: fc.integer({ min: -5_000, max: 5_000 }) }),
      fc.record({
        seen: fc.integer({ min: -5_000, max: minute }),
        counter: fc.nat({ max: 65_535 }),
      }),
    );
    const property = fc.property(fc.array(input, { minLength: 1 }), (inputs) => {
      const clock = new StampClock(0n);
      let largest = 0n;
      let now = wallMs;
      for (const one of inputs) {
        if ("wall" in one) {
          now = Math.max(now + one.wall, wallMs - minute / 2);
          const before = largest;
          if (clock.leadMs(now) > minute) continue;
          const stamp = clock.next(now);
          expect(stamp).toBeGreaterThan(before);
          expect(stamp).toBe(before < stampOf(now) ? stampOf(now) : before + 1n);
          largest = stamp;
        } else {
          const seen = stampOf(now + one.seen, one.counter);
          clock.observe(seen);
          if (seen > largest) largest = seen;
        }
        expect(clock.last).toBe(largest);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("refuses by a code while it leads the wall by more than a minute, and goes on after", async () => {
    const clock = new StampClock(stampOf(wallMs + minute + 2));
    expect(clock.leadMs(wallMs)).toBe(minute + 2);
    const error = await codedError(() => clock.next(wallMs), "CLOCK_AHEAD");
    expect(error.message).toContain("60 s ahead");
    expect(clock.next(wallMs + 2)).toBe(stampOf(wallMs + minute + 2, 1));
  });

  test("is not stopped by a peer that used the last stamp tolerated", () => {
    const clock = new StampClock(0n);
    clock.observe(stampLimit(wallMs));
    expect(stampMs(clock.next(wallMs))).toBe(wallMs + minute + 1);
  });

  test("tolerates up to the last stamp of a minute from now", () => {
    expect(stampLimit(wallMs)).toBe(stampOf(wallMs + minute, 0xffff));
    expect(stampAt(wallMs + 0.9)).toBe(stampOf(wallMs));
    expect(stampMs(stampOf(wallMs, 0xffff))).toBe(wallMs);
    expect(stampText(1n)).toBe("0000000000000001");
  });
});

const alice = testWriter("alice");

function remote(ms: number, counter = 0, key = "k"): Uint8Array {
  const stamp = stampOf(ms, counter);
  return makeBatch({ writer: alice, stamp, entries: [register(key, String(ms))] }).bundle();
}

describe("stamps of a state", () => {
  test("resume above its own after it was opened again with the wall clock set back, though nothing of them lives", async () => {
    const folder = temporaryFolder();
    let store = openLmdbStore(folder);
    const slot = { class: classes.slot, type: "counter", key: "k" };
    const [own] = openState(store).write([{ namespace: "default", entries: [slot] }], wallMs);
    // an earlier entry of a later epoch: only the node's mark remembers the stamp of its own
    const earlier = makeBatch({ writer: alice, stamp: 7n, entries: [{ ...slot, epoch: 1n }] });
    const state = openState(store);
    expect(state.ingest(earlier.bundle(), somePeer, wallMs).applied).toBe(1);
    expect(state.summary("default").count).toBe(1);
    await store.close();
    store = openLmdbStore(folder);
    const [next] = openState(store).write(
      [{ namespace: "x", entries: [slot] }],
      wallMs - minute / 2,
    );
    expect(next!.stamp).toBe(own!.stamp + 1n);
    await store.close();
  });

  test("resume above those of others in any namespace", async () => {
    const folder = temporaryFolder();
    let store = openLmdbStore(folder);
    const stamp = stampOf(wallMs + 5_000, 7);
    for (const namespace of ["a", "b", "c"]) {
      const entries = [register("k")];
      const batch = makeBatch({
        writer: alice,
        namespace,
        stamp: namespace === "b" ? stamp : 1n,
        entries,
      });
      openState(store).ingest(batch.bundle(), somePeer, wallMs);
    }
    await store.close();
    store = openLmdbStore(folder);
    const [own] = openState(store).write([{ namespace: "c", entries: [register("k")] }], wallMs);
    expect(own!.stamp).toBe(stamp + 1n);
    await store.close();
  });

  test("do not run ahead of the wall by more than a minute, whatever peers send", async () => {
    const store = openLmdbStore(temporaryFolder());
    const state = openState(store);
    for (const ms of [0, 30_000, minute - 1, minute, minute + 1, 10 * minute, 10 ** 12]) {
      state.ingest(remote(wallMs + ms, 0xffff), somePeer, wallMs);
      expect(state.leadMs(wallMs)).toBeLessThanOrEqual(minute);
    }
    expect(state.leadMs(wallMs)).toBe(minute);
    const [own] = state.write([{ namespace: "default", entries: [register("k")] }], wallMs);
    expect(own!.stamp).toBe(stampLimit(wallMs) + 1n);
    await store.close();
  });

  test("a write while the store's stamps are far in the future is refused and changes nothing", async () => {
    const store = openLmdbStore(temporaryFolder());
    const state = openState(store);
    state.write([{ namespace: "default", entries: [register("k", "1")] }], wallMs);
    const write = (ms: number) =>
      state.write([{ namespace: "new", entries: [register("k", "2")] }], ms);
    const error = await codedError(() => write(wallMs - 3_600_000), "CLOCK_AHEAD");
    expect(error.hint).toContain("clock");
    expect(state.namespaces()).toEqual(["default"]);
    expect(state.summary("new").count).toBe(0);
    const [written] = write(wallMs);
    expect(acceptBundle(written!.bundle, network).header.seq).toBe(1n);
    await store.close();
  });
});
