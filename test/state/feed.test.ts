import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import { getRegister, registerSubject, registerType } from "../../src/protocol/state/register.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import {
  makeBatch,
  openState,
  register,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
} from "./fixture.ts";

const alice = testWriter("alice");
const keys = ["a", "b", "c", "d", "e"];

/** The change feed's number of a key's live entry. */
function registerFeedSeq(state: State, namespace: string, key: string): bigint | undefined {
  for (const row of state.live(registerSubject(namespace, key))) return row.feedSeq;
  return undefined;
}

type Seen = { readonly key: string; readonly value: string | undefined };

function valueOf(state: State, key: string): string | undefined {
  const record = getRegister(state, "default", key, wallMs);
  return record === undefined ? undefined : Buffer.from(record.value.bytes).toString();
}

/** Reads on from a position as a watcher does: page by page, passing over what was changed again since. */
class Reader {
  seq: bigint;
  readonly seen: Seen[] = [];

  constructor(seq: bigint) {
    this.seq = seq;
  }

  read(state: State, pages: number): void {
    for (let page = 0; page < pages; page++) {
      for (const { seq, subject } of state.changesAfter(this.seq, 3)) {
        expect(seq).toBeGreaterThan(this.seq);
        this.seq = seq;
        if (subject.namespace !== "default" || subject.type !== registerType) continue;
        if (registerFeedSeq(state, "default", subject.key) !== seq) continue;
        this.seen.push({ key: subject.key, value: valueOf(state, subject.key) });
      }
    }
  }
}

function open(): { store: Store; state: State } {
  const store = memoryStore();
  return { store, state: openState(store) };
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("write" as const),
    keys: fc.uniqueArray(fc.constantFrom(...keys), { minLength: 1, maxLength: 3 }),
    deletes: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("take" as const),
    key: fc.constantFrom(...keys),
    /** Some come too late to change anything. */
    aheadMs: fc.integer({ min: -20, max: 20 }),
    namespace: fc.constantFrom("default", "default", "other"),
  }),
  fc.record({ kind: fc.constant("read" as const), pages: fc.nat({ max: 3 }) }),
  fc.constant({ kind: "restart" as const }),
);

describe("the change feed", () => {
  test("tells a reader that resumes anywhere each later change's final state once, and nothing else", () => {
    const property = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const store = memoryStore();
      let state = openState(store);
      let clockMs = wallMs;
      const slow = new Reader(0n);
      /** Positions of the feed, with what every key was then. */
      const marks = [{ seq: 0n, values: new Map<string, string | undefined>() }];
      const values = (): Map<string, string | undefined> =>
        new Map(keys.map((key) => [key, valueOf(state, key)]));
      for (const one of steps) {
        if (one.kind === "restart") state = openState(store);
        else if (one.kind === "read") slow.read(state, one.pages);
        else if (one.kind === "write") {
          const entries = one.keys.map((key) =>
            register(key, one.deletes ? undefined : `own ${clockMs}`),
          );
          state.write([{ namespace: "default", entries }], clockMs++);
        } else {
          const entries = [register(one.key, `alice ${clockMs}`)];
          const stamp = stampOf(clockMs + one.aheadMs, clockMs % 100);
          const { namespace } = one;
          const batch = makeBatch({ writer: alice, namespace, stamp, entries });
          state.ingest(batch.bundle(), somePeer, wallMs);
        }
        marks.push({ seq: state.feedSeq(), values: values() });
      }
      slow.read(state, 50);
      const now = values();
      // the slow reader saw the last of every key, once as the last
      for (const key of keys) {
        const mine = slow.seen.filter((seen) => seen.key === key);
        const exists = registerFeedSeq(state, "default", key) !== undefined;
        if (exists) expect(mine.at(-1)?.value).toBe(now.get(key));
        else expect(mine).toEqual([]);
      }
      // a reader from any mark sees each key that changed since once, in its final state
      for (const { seq, values: then } of marks) {
        const reader = new Reader(seq);
        reader.read(state, 50);
        expect(new Set(reader.seen.map(({ key }) => key)).size).toBe(reader.seen.length);
        const changed = keys.filter((key) => (registerFeedSeq(state, "default", key) ?? 0n) > seq);
        expect(reader.seen.map(({ key }) => key).toSorted()).toEqual(changed);
        for (const { key, value } of reader.seen) expect(value).toBe(now.get(key));
        for (const key of keys) if (then.get(key) !== now.get(key)) expect(changed).toContain(key);
      }
    });
    fc.assert(property, { numRuns: 80 });
  });

  test("holds one row a live entry, in the order of the last changes", () => {
    const { state } = open();
    for (const key of ["a", "b", "c", "a", "b", "a"]) {
      state.write([{ namespace: "default", entries: [register(key)] }], wallMs);
    }
    const changes = state.changesAfter(0n, 100);
    expect(changes.map(({ subject }) => subject.key)).toEqual(["c", "b", "a"]);
    const seqs = changes.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => Number(a - b)));
    expect(new Set(seqs).size).toBe(3);
    expect(state.feedSeq()).toBeGreaterThanOrEqual(seqs[2]!);
    expect(state.changesAfter(seqs[0]!, 1).map(({ seq }) => seq)).toEqual([seqs[1]]);
    expect(state.changesAfter(seqs[2]!, 10)).toEqual([]);
    expect(state.changesAfter(state.feedSeq(), 10)).toEqual([]);
  });

  test("never gives a number twice, though what had it is gone and the state was opened again", () => {
    const { store, state } = open();
    for (let round = 0; round < 3; round++) {
      state.write([{ namespace: "default", entries: [register("k")] }], wallMs);
    }
    const late = makeBatch({ writer: alice, stamp: stampOf(wallMs - 1), entries: [register("k")] });
    state.ingest(late.bundle(), somePeer, wallMs);
    const again = openState(store);
    const before = again.feedSeq();
    expect(before).toBe(state.feedSeq());
    again.write([{ namespace: "default", entries: [register("k")] }], wallMs);
    const [change, ...others] = again.changesAfter(0n, 10);
    expect(change!.seq).toBeGreaterThan(before);
    expect(others).toEqual([]);
  });
});
