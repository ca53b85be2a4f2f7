/** Our reconciliation against a second implementation of Negentropy v1, as either side, byte for byte and to the end. */
import { describe, expect, test as plain } from "vitest";
import { fromHex, toHex } from "../../src/core/codec.ts";
import type { ReconItem } from "../../src/core/ports.ts";
import { endBound, firstBound } from "../../src/protocol/sync/position.ts";
import {
  firstMessage,
  nextMessage,
  readResponse,
  respond,
  type Scope,
} from "../../src/protocol/sync/reconcile.ts";
import { RefNegentropy, type RefItem, refFingerprint } from "./negentropy-reference.ts";
import { fc, test } from "./property.ts";
import { ReferenceReplica, stampOf } from "./reference-replica.ts";
import vectors from "./vectors.json" with { type: "json" };
import { epochMs } from "./world.ts";

function finish<T>(job: Generator<void, T, void>): T {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}

function replicaOf(keys: Iterable<number>, spread: number): ReferenceReplica {
  const replica = new ReferenceReplica();
  for (const key of keys) {
    replica.write("main", `k${key}`, stampOf(epochMs - ((key * 7_919) % spread)));
  }
  return replica;
}

function refOf(replica: ReferenceReplica, frameLimit: number): RefNegentropy {
  const items = replica.items("main", firstBound, endBound, 1e9);
  return new RefNegentropy(items.map(refItem), frameLimit);
}

function refItem({ ts, id }: ReconItem): RefItem {
  return { timestamp: ts, id: toHex(id) };
}

function scopeOf(replica: ReferenceReplica, frameLimit: number): Scope {
  const bytesMax = frameLimit === 0 ? 1e9 : frameLimit;
  return { replica, namespace: "main", lower: firstBound, bytesMax };
}

function idsOf(replica: ReferenceReplica): string[] {
  return replica.items("main", firstBound, endBound, 1e9).map(({ id }) => toHex(id));
}

const sides = fc.record({
  common: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 1_200 })),
  ours: fc.uniqueArray(fc.integer({ min: 5_000, max: 5_400 }), { maxLength: 150 }),
  // often more than a message has room for where the other side lists few
  theirs: fc.oneof(
    fc.uniqueArray(fc.integer({ min: 6_000, max: 6_400 }), { maxLength: 150 }),
    fc.constant(Array.from({ length: 900 }, (_, index) => 6_000 + index)),
  ),
  // many of one timestamp, so that bounds need prefixes of ids
  spread: fc.constantFrom(1, 3, 50, 500_000),
  frameLimit: fc.constantFrom(0, 4_096, 4_100, 20_000),
});

type Sides = typeof sides extends fc.Arbitrary<infer T> ? T : never;

function build({ common, ours, theirs, spread }: Sides): {
  ours: ReferenceReplica;
  theirs: ReferenceReplica;
  need: string[];
  have: string[];
} {
  const base = Array.from({ length: common }, (_, key) => key);
  const left = replicaOf([...base, ...ours], spread);
  const right = replicaOf([...base, ...theirs], spread);
  const [at, there] = [new Set(idsOf(left)), new Set(idsOf(right))];
  const need = [...there].filter((id) => !at.has(id)).toSorted();
  const have = [...at].filter((id) => !there.has(id)).toSorted();
  return { ours: left, theirs: right, need, have };
}

const messagesMax = 400;

test([sides], "as the client, we find what a strange server holds", { numRuns: 15 }, (drawn) => {
  const { ours, theirs, need, have } = build(drawn);
  const { frameLimit } = drawn;
  const server = refOf(theirs, frameLimit);
  const found = { need: new Set<string>(), have: new Set<string>() };
  let question: Uint8Array | undefined = finish(firstMessage(scopeOf(ours, frameLimit)));
  for (let messages = 0; question !== undefined; messages++) {
    expect(messages).toBeLessThan(messagesMax);
    if (frameLimit > 0) expect(question.length).toBeLessThanOrEqual(frameLimit);
    const answer = fromHex(server.answer(toHex(question)));
    const learnt = finish(readResponse(scopeOf(ours, frameLimit), answer));
    for (const { id } of learnt.need) found.need.add(toHex(id));
    for (const { id } of learnt.have) found.have.add(toHex(id));
    question = finish(nextMessage(scopeOf(ours, frameLimit), learnt.open));
  }
  expect([...found.need].toSorted()).toEqual(need);
  expect([...found.have].toSorted()).toEqual(have);
});

test([sides], "as the server, we tell a strange client all", { numRuns: 15 }, (drawn) => {
  const { ours, theirs, need, have } = build(drawn);
  const { frameLimit } = drawn;
  const client = refOf(ours, frameLimit);
  const found = { need: new Set<string>(), have: new Set<string>() };
  let question: string | undefined = client.initiate();
  for (let messages = 0; question !== undefined; messages++) {
    expect(messages).toBeLessThan(messagesMax);
    const { message } = finish(respond(scopeOf(theirs, frameLimit), fromHex(question)));
    if (frameLimit > 0) expect(message.length).toBeLessThanOrEqual(frameLimit);
    const learnt = client.learn(toHex(message));
    for (const id of learnt.need) found.need.add(id);
    for (const id of learnt.have) found.have.add(id);
    question = learnt.message;
  }
  expect([...found.need].toSorted()).toEqual(need);
  expect([...found.have].toSorted()).toEqual(have);
});

test(
  [sides],
  "without a limit, first message and answer are the same bytes",
  { numRuns: 15 },
  (drawn) => {
    const { ours, theirs } = build(drawn);
    const question = refOf(ours, 0).initiate();
    expect(toHex(finish(firstMessage(scopeOf(ours, 0))))).toBe(question);
    const answer = finish(respond(scopeOf(theirs, 0), fromHex(question)));
    expect(toHex(answer.message)).toBe(refOf(theirs, 0).answer(question));
  },
);

describe("fixed bytes are those of the other implementation:", () => {
  plain.each(vectors.fingerprints)("fingerprint of $ids.length ids", ({ ids, hex }) => {
    expect(refFingerprint(ids)).toBe(hex);
  });

  plain("a conversation", () => {
    const item = (timestamp: number, byte: string): RefItem => ({
      timestamp: BigInt(timestamp),
      id: byte.repeat(32),
    });
    const client = new RefNegentropy([item(10, "01"), item(20, "02"), item(300, "03")]);
    const server = new RefNegentropy([item(10, "01"), item(300, "04")]);
    const { client: question, server: answer } = vectors.conversation;
    expect(client.initiate()).toBe(question);
    expect(server.answer(question)).toBe(answer);
    expect(client.learn(answer)).toEqual({
      message: undefined,
      need: ["04".repeat(32)],
      have: ["02".repeat(32), "03".repeat(32)],
    });
  });
});
