/** Set reconciliation over two replicas, message by message, without sessions. */
import { describe, expect, test as plain } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import type { Bound, ReconItem } from "../../src/core/ports.ts";
import { decodeMessage } from "../../src/protocol/sync/negentropy.ts";
import { compareBounds, endBound, firstBound, notAfter } from "../../src/protocol/sync/position.ts";
import {
  type Answer,
  firstMessage,
  nextMessage,
  readResponse,
  respond,
  type Response,
  type Scope,
} from "../../src/protocol/sync/reconcile.ts";
import { fc, test } from "./property.ts";
import { ReferenceReplica, stampOf } from "./reference-replica.ts";
import { epochMs } from "./world.ts";

function finish<T>(job: Generator<void, T, void>): T {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}

type Trace = {
  readonly messages: Uint8Array[];
  /** Ids in hexadecimal. */
  readonly need: string[];
  readonly have: string[];
};

/** Plays both sides; transfers what was found between messages if `apply`. */
function reconcile(
  ours: ReferenceReplica,
  theirs: ReferenceReplica,
  options: { bytesMax?: number; lower?: Bound; apply?: boolean } = {},
): Trace {
  const { bytesMax = 65_000, lower = firstBound, apply = true } = options;
  const scope = (replica: ReferenceReplica): Scope => ({
    replica,
    namespace: "main",
    lower,
    bytesMax,
  });
  const trace: Trace = { messages: [], need: [], have: [] };
  let question: Uint8Array | undefined = finish(firstMessage(scope(ours)));
  while (question !== undefined) {
    const { message, listed }: Answer = finish(respond(scope(theirs), question));
    const { need, have, open }: Response = finish(readResponse(scope(ours), message));
    trace.messages.push(question, message);
    trace.need.push(...need.map(({ id }) => toHex(id)));
    trace.have.push(...have.map(({ id }) => toHex(id)));
    const found = need.map(({ place }) => listed[place]!);
    expect(found.map(({ id }) => toHex(id))).toEqual(need.map(({ id }) => toHex(id)));
    if (apply) {
      move(theirs, ours, found);
      move(ours, theirs, have);
    }
    question = finish(nextMessage(scope(ours), open));
    expect(trace.messages.length).toBeLessThan(400);
  }
  expect(trace.messages.every(({ length }) => length <= bytesMax)).toBe(true);
  return trace;
}

function move(from: ReferenceReplica, to: ReferenceReplica, items: readonly ReconItem[]): void {
  for (const bundle of from.bundles("main", items, 1e9).bundles) to.ingest(bundle, "peer", epochMs);
}

function replicaOf(keys: Iterable<number>, ageMs: (key: number) => number): ReferenceReplica {
  const replica = new ReferenceReplica();
  for (const key of keys) replica.write("main", `k${key}`, stampOf(epochMs - ageMs(key)));
  return replica;
}

/** Keys of one side and of the other, out of up to 2,000; ages fall together often. */
const sides = fc.record({
  common: fc.integer({ min: 0, max: 1_500 }),
  ours: fc.uniqueArray(fc.integer({ min: 2_000, max: 2_400 }), { maxLength: 120 }),
  theirs: fc.uniqueArray(fc.integer({ min: 3_000, max: 3_400 }), { maxLength: 120 }),
  spread: fc.constantFrom(1, 50, 5_000, 500_000),
});

function build({
  common,
  ours,
  theirs,
  spread,
}: {
  common: number;
  ours: number[];
  theirs: number[];
  spread: number;
}): [ReferenceReplica, ReferenceReplica] {
  const age = (key: number): number => (key * 7_919) % spread;
  const base = Array.from({ length: common }, (_, key) => key);
  return [replicaOf([...base, ...ours], age), replicaOf([...base, ...theirs], age)];
}

test([sides], "finds exactly what either side lacks", { numRuns: 60 }, (drawn) => {
  const [ours, theirs] = build(drawn);
  const { need, have } = reconcile(ours, theirs, { apply: false });
  expect([need.length, have.length]).toEqual([drawn.theirs.length, drawn.ours.length]);
  expect(new Set(need).size).toBe(need.length);
});

test([sides], "makes both sides equal, in frames of 4 KiB", { numRuns: 60 }, (drawn) => {
  const [ours, theirs] = build(drawn);
  reconcile(ours, theirs, { bytesMax: 4_096 });
  expect(ours.contents()).toEqual(theirs.contents());
});

test(
  [sides, fc.nat({ max: 500_000 })],
  "leaves alone what is newer than the bound, and says so in a leading skip",
  { numRuns: 40 },
  (drawn, ageMs) => {
    const [ours, theirs] = build(drawn);
    const lower = notAfter(epochMs - ageMs);
    const { messages } = reconcile(ours, theirs, { lower });
    expect(ours.summary("main", lower, endBound)).toEqual(theirs.summary("main", lower, endBound));
    for (const message of messages) {
      const touched = decodeMessage(message).filter((range) => range.mode !== "skip");
      expect(touched.every(({ from }) => compareBounds(from, lower) >= 0)).toBe(true);
    }
  },
);

describe("order and size", () => {
  plain("a full frame defers the oldest", () => {
    const base = Array.from({ length: 8_000 }, (_, key) => key);
    const age = (key: number): number => 1_000 + key;
    const ours = replicaOf(base, age);
    const theirs = replicaOf(base, age);
    for (let key = 0; key < 8_000; key += 40)
      theirs.write("main", `k${key}`, stampOf(epochMs - age(key), 1));
    const { messages } = reconcile(ours, theirs, { bytesMax: 4_096 });
    expect(ours.contents()).toEqual(theirs.contents());
    const response = decodeMessage(messages[1]!);
    const split = response.filter(({ mode }) => mode !== "skip").map(({ to }) => to);
    // the first, newest ranges are split, the rest is one fingerprint up to the end
    expect(split.at(-1)).toEqual(endBound);
    expect(
      compareBounds(split.at(-2)!, { ts: notAfter(epochMs - 8_000).ts, id: new Uint8Array(0) }),
    ).toBeLessThan(0);
  });

  plain("a list that does not fit is cut, and the rest comes later", () => {
    const theirs = replicaOf(
      Array.from({ length: 1_000 }, (_, key) => key),
      (key) => key % 7,
    );
    const ours = replicaOf([1_000, 1_001], (key) => key);
    const { messages } = reconcile(ours, theirs, { bytesMax: 4_096 });
    expect(ours.contents()).toEqual(theirs.contents());
    expect(messages.length).toBeGreaterThan(4);
  });

  plain("a responder keeps to the bound, whatever it is asked", () => {
    const theirs = replicaOf([1, 2, 3], (key) => key * 1_000);
    const whole = { namespace: "main", lower: firstBound, bytesMax: 4_096 };
    const question = finish(firstMessage({ ...whole, replica: new ReferenceReplica() }));
    const lower = notAfter(epochMs - 1_500);
    const { listed } = finish(respond({ ...whole, replica: theirs, lower }, question));
    expect(listed.length).toBe(2);
  });

  plain("newest differences of 10,000 entries cost few bytes beyond the ids", () => {
    const base = Array.from({ length: 10_000 }, (_, key) => key);
    const age = (key: number): number => (key < 10_000 ? 60_000 + key : key - 10_000);
    const fresh = (from: number): number[] => Array.from({ length: 100 }, (_, key) => from + key);
    const ours = replicaOf([...base, ...fresh(10_000)], age);
    const theirs = replicaOf([...base, ...fresh(11_000)], age);
    const { messages } = reconcile(ours, theirs);
    const bytes = messages.reduce((sum, message) => sum + message.length, 0);
    expect(messages.length).toBeLessThanOrEqual(8);
    expect(bytes).toBeLessThan(200 * 80);
  });

  plain("equal sets take one message and an empty answer", () => {
    const keys = Array.from({ length: 5_000 }, (_, key) => key);
    const { messages } = reconcile(
      replicaOf(keys, (key) => key),
      replicaOf(keys, (key) => key),
    );
    expect(messages.length).toBe(2);
    expect(messages[1]).toEqual(Uint8Array.of(0x61));
  });
});
