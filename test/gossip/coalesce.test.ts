import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { WriteQueue, type Flush, type Queued } from "../../src/protocol/gossip/coalesce.ts";

const KiB = 1024;
/** A batch that is one gossip message leaves this for its entries. */
const batchBytes = limits.gossipMessageBytesMax - 6 * KiB;

/** An entry of a test names its request and its place in it. */
type Named = { readonly request: number; readonly part: number };
type Plan = {
  readonly namespace: string;
  readonly entries: readonly (readonly [subject: string | undefined, bytes: number])[];
};

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 1, arbitrary: fc.constantFrom(20 * KiB, batchBytes, batchBytes + 1, 256 * KiB) },
);
const subject = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 999 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom("hot", "hotter", undefined) },
);
const plan: fc.Arbitrary<Plan> = fc.record({
  namespace: fc.constantFrom("a", "a", "a", "b"),
  entries: fc.array(fc.tuple(subject, size), { minLength: 1, maxLength: 60 }),
});

function queuedOf(request: number, { entries }: Plan): Queued<Named>[] {
  return entries.map(([name, bytes], part) => ({
    entry: { request, part },
    subject: name ?? "a log",
    many: name === undefined,
    bytes,
  }));
}

function filled(plans: readonly Plan[]): WriteQueue<Named> {
  const queue = new WriteQueue<Named>(4);
  for (const [id, one] of plans.entries()) {
    expect(queue.add(id, one.namespace, queuedOf(id, one), id)).toBe(true);
  }
  return queue;
}

function bytesOf(plans: readonly Plan[]): number {
  return plans.flatMap(({ entries }) => entries).reduce((sum, [, bytes]) => sum + bytes, 0);
}

function flushAll(queue: WriteQueue<Named>): Flush<Named>[] {
  const flushes: Flush<Named>[] = [];
  while (queue.dueAt() !== undefined) flushes.push(queue.flush(0));
  return flushes;
}

describe("the queue of writes", () => {
  test("gives out every entry of every request once, in order, in batches that keep the rules", () => {
    const property = fc.property(fc.array(plan, { minLength: 1, maxLength: 20 }), (plans) => {
      const queue = filled(plans);
      expect(queue.bytes).toBe(bytesOf(plans));
      const flushes = flushAll(queue);
      expect(queue.bytes).toBe(0);
      const batches = flushes.flatMap((flush) => flush.batches);
      const out = batches.flatMap(({ entries }) => entries);
      expect(out).toEqual(
        plans.flatMap(({ entries }, request) => entries.map((_, part) => ({ request, part }))),
      );
      for (const flush of flushes) {
        expect(flush.batches.length).toBeLessThanOrEqual(16);
        const before = flush.batches.slice(0, -1);
        expect(before.filter(({ entries }) => entries.length === 128).length).toBeLessThan(4);
      }
      for (const { namespace, entries } of batches) {
        expect(entries.length).toBeGreaterThan(0);
        expect(entries.length).toBeLessThanOrEqual(limits.batchEntriesMax);
        const parts = entries.map(({ request, part }) => plans[request]!.entries[part]!);
        for (const { request } of entries) expect(plans[request]!.namespace).toBe(namespace);
        const named = parts.map(([name]) => name).filter((name) => name !== undefined);
        expect(new Set(named).size).toBe(named.length);
        const bytes = parts.reduce((sum, [, length]) => sum + length, 0);
        if (entries.length > 1) expect(bytes).toBeLessThanOrEqual(batchBytes);
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test("says of each flush which requests it touches and which it completes", () => {
    const property = fc.property(fc.array(plan, { minLength: 1, maxLength: 20 }), (plans) => {
      const queue = filled(plans);
      const left = new Map(plans.map(({ entries }, id) => [id, entries.length]));
      for (const { batches, done, touched } of flushAll(queue)) {
        const inside = batches.flatMap(({ entries }) => entries.map(({ request }) => request));
        expect(touched.toSorted(ascending)).toEqual([...new Set(inside)].toSorted(ascending));
        for (const request of inside) left.set(request, left.get(request)! - 1);
        const completed = [...new Set(inside)].filter((request) => left.get(request) === 0);
        expect(done.map(({ id }) => id).toSorted(ascending)).toEqual(completed.toSorted(ascending));
        for (const { id, batch } of done) {
          const holding = batches.map(({ entries }) =>
            entries.some(({ request }) => request === id),
          );
          expect(batch).toBe(holding.lastIndexOf(true));
        }
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test("fills batches: no two neighbours could have been one", () => {
    const property = fc.property(fc.array(plan, { minLength: 1, maxLength: 20 }), (plans) => {
      const batches = flushAll(filled(plans)).flatMap((flush) => flush.batches);
      for (const [index, next] of batches.entries()) {
        const before = batches[index - 1];
        if (before?.namespace !== next.namespace) continue;
        const partOf = ({ request, part }: Named) => plans[request]!.entries[part]!;
        const [name, bytes] = partOf(next.entries[0]!);
        const used = before.entries.reduce((sum, entry) => sum + partOf(entry)[1], 0);
        const clash =
          name !== undefined && before.entries.some((entry) => partOf(entry)[0] === name);
        const full = before.entries.length === limits.batchEntriesMax || used + bytes > batchBytes;
        expect(clash || full).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test("gives back what was cancelled before any of it went out, and drops what is left of what failed", () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), plan }),
      fc.record({ kind: fc.constant("cancel" as const), at: fc.nat() }),
      fc.record({ kind: fc.constant("flush" as const), fails: fc.boolean() }),
    );
    const property = fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const queue = new WriteQueue<Named>(4);
      const plans: Plan[] = [];
      /** What is still to come out of each request. */
      const left = new Map<number, number[]>();
      const bytesLeft = (): number =>
        [...left]
          .flatMap(([id, parts]) => parts.map((part) => plans[id]!.entries[part]![1]))
          .reduce((a, b) => a + b, 0);
      for (const one of acts) {
        if (one.kind === "add") {
          const id = plans.push(one.plan) - 1;
          expect(queue.add(id, one.plan.namespace, queuedOf(id, one.plan), 0)).toBe(true);
          left.set(id, [...one.plan.entries.keys()]);
        } else if (one.kind === "cancel") {
          const id = plans.length === 0 ? 0 : one.at % plans.length;
          const untouched = left.get(id)?.length === plans[id]?.entries.length && left.has(id);
          expect(queue.cancel(id)).toBe(untouched);
          if (untouched) left.delete(id);
        } else {
          const { batches, done, touched } = queue.flush(0);
          for (const { request, part } of batches.flatMap(({ entries }) => entries)) {
            expect(left.get(request)?.shift()).toBe(part);
          }
          for (const { id } of done) {
            expect(left.get(id)).toEqual([]);
            left.delete(id);
          }
          if (one.fails) {
            queue.drop(touched);
            for (const id of touched) left.delete(id);
          }
        }
        expect(queue.bytes).toBe(bytesLeft());
        expect(queue.dueAt() === undefined).toBe(left.size === 0);
      }
      const rest = flushAll(queue).flatMap(({ batches }) =>
        batches.flatMap(({ entries }) => entries),
      );
      expect(rest.length).toBe([...left.values()].flat().length);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test("flushes what comes alone at once, and gathers what comes close after", () => {
    const queue = new WriteQueue<Named>(4);
    expect(queue.dueAt()).toBeUndefined();
    const few: Plan = { namespace: "a", entries: [["k", 1]] };
    queue.add(0, "a", queuedOf(0, few), 100);
    expect(queue.dueAt()).toBe(100);
    queue.flush(101);
    expect(queue.dueAt()).toBeUndefined();
    queue.add(1, "a", queuedOf(1, few), 102);
    queue.add(2, "a", queuedOf(2, few), 104);
    expect(queue.dueAt()).toBe(105);
    const many: Plan = {
      namespace: "a",
      entries: Array.from({ length: 3_000 }, (_, index) => [`${index}`, 1] as const),
    };
    queue.add(3, "a", queuedOf(3, many), 104);
    expect(queue.dueAt()).toBe(102);
    queue.flush(105);
    expect(queue.dueAt()).toBeLessThanOrEqual(105);
    flushAll(queue);
    expect(queue.dueAt()).toBeUndefined();
    queue.add(4, "a", queuedOf(4, few), 200);
    expect(queue.dueAt()).toBe(200);
    expect(queue.cancel(4)).toBe(true);
    expect(queue.dueAt()).toBeUndefined();
  });

  test("gives out an atomic request as one batch of its own, between what came before and after", () => {
    const queue = new WriteQueue<Named>(4);
    const large: Plan = {
      namespace: "a",
      entries: Array.from({ length: 100 }, (_, n) => [`${n}`, 9_000]),
    };
    const small: Plan = { namespace: "a", entries: [["x", 1]] };
    queue.add(0, "a", queuedOf(0, small), 0);
    queue.add(1, "a", queuedOf(1, large), 0, { atomic: true });
    queue.add(2, "a", queuedOf(2, small), 0, { atomic: true });
    queue.add(3, "a", queuedOf(3, { ...small, entries: [["y", 1]] }), 0);
    queue.add(4, "a", queuedOf(4, small), 0);
    const flushes = flushAll(queue);
    const sizes = flushes.map(({ batches }) => batches.map(({ entries }) => entries.length));
    expect(sizes).toEqual([
      [1, 100],
      [1, 2],
    ]);
    const done = flushes.map((flush) => flush.done.map(({ id, batch }) => [id, batch]));
    expect(done).toEqual([
      [
        [0, 0],
        [1, 1],
      ],
      [
        [2, 0],
        [3, 1],
        [4, 1],
      ],
    ]);
    expect([queue.bytes, queue.dueAt()]).toEqual([0, undefined]);
  });

  test("puts items of one log into one batch, and what goes alone into another", () => {
    const queue = new WriteQueue<Named>(4);
    const item = (many: boolean): Queued<Named>[] => [
      { entry: { request: 0, part: 0 }, subject: "log", many, bytes: 1 },
    ];
    for (const [id, many] of [true, true, false, true, true].entries())
      queue.add(id, "a", item(many), 0);
    expect(queue.flush(0).batches.map(({ entries }) => entries.length)).toEqual([2, 1, 2]);
  });

  test("takes no more than its limit, but always one request", () => {
    const queue = new WriteQueue<Named>(4);
    const one = (bytes: number): Queued<Named>[] => [
      { entry: { request: 0, part: 0 }, subject: "k", many: false, bytes },
    ];
    expect(queue.add(0, "a", one(limits.writeQueueBytesMax * 2), 0)).toBe(true);
    expect(queue.add(1, "a", one(1), 0)).toBe(false);
    flushAll(queue);
    expect(queue.add(2, "a", one(limits.writeQueueBytesMax - 1), 0)).toBe(true);
    expect(queue.add(3, "a", one(1), 0)).toBe(true);
    expect(queue.add(4, "a", one(1), 0)).toBe(false);
  });
});

function ascending(a: number, b: number): number {
  return a - b;
}
