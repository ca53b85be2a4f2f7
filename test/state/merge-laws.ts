/**
 * Whole states under the laws of a join: batches of hostile writers arrive in any order, twice, in parts by path and
 * with restarts in between, and what lives, its bytes and its digest are those of the model in law.ts.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { acceptBundle, type AcceptedBundle } from "../../src/protocol/state/bundle.ts";
import type { EntryClass } from "../../src/protocol/state/entry.ts";
import { StateReplica } from "../../src/protocol/state/replica.ts";
import { endBound, startBound, type Subject } from "../../src/protocol/state/rows.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import { network, openState, somePeer, testWriter, wallMs, type Batch } from "./fixture.ts";
import { batchOf, plansOf, someEntry, type Plan } from "./hostile.ts";
import { digestOf, keepsRules, liveSet, type Placed } from "./law.ts";
import type { Law } from "./laws.ts";

const writer = testWriter("here");
const namespace = "default";
/** Most entries fall on the first. */
const keys = ["k", "k", "k", "l"];

/** A batch with what the model holds of it, computed from the plan and not by the code under test. */
export type Sent = {
  readonly batch: Batch;
  readonly placed: readonly (Placed & { readonly bytes: string; readonly index: number })[];
};

/** Verifying costs more than all the rest, and here the same bytes come again and again. */
const verified = new Map<string, AcceptedBundle>();

function accept(bundle: Uint8Array): AcceptedBundle {
  const name = Buffer.from(bundle).toString("latin1");
  const known = verified.get(name) ?? acceptBundle(bundle, network);
  if (verified.size > 100) verified.clear();
  verified.set(name, known);
  return known;
}

export function sentOf(plan: Plan): Sent {
  const batch = batchOf(plan);
  const placed = plan.entries.map((entry, index) => ({
    namespace,
    entry,
    writer: batch.writer,
    stamp: plan.stamp,
    hash: batch.leaves[index]!,
    bytes: toHex(batch.entries[index]!),
    index,
  }));
  return {
    batch,
    placed: placed.filter(({ entry, stamp }) => keepsRules(entry, stamp)),
  };
}

export function open(store: Store = memoryStore()): State {
  return openState(store, { writer });
}

export function filled(sent: readonly Sent[]): State {
  const state = open();
  for (const { batch } of sent) state.apply([accept(batch.bundle())]);
  return state;
}

/** Gives everything that lives in `from` to `into`, as reconciliation would bring it. */
export function merge(into: State, ...from: readonly State[]): State {
  for (const source of from) {
    const replica = new StateReplica(source, assert.fail);
    for (const name of replica.namespaces()) {
      const { bundles } = replica.stream(name, startBound, endBound, Number.POSITIVE_INFINITY);
      const accepted = bundles.map(accept);
      for (const { refusals } of accepted) assert.deepEqual(refusals, []);
      into.apply(accepted);
    }
  }
  return into;
}

type Seen = { readonly count: number; readonly sum: string; readonly entries: readonly string[] };

/** All that others can tell about a state: its digest, and what lives, byte for byte. */
function seen(state: State, subjects: readonly Subject[]): Seen {
  const sum = state.summary(namespace);
  const rows = subjects.flatMap((subject) => [...state.live(subject)]);
  const entries = rows.map(({ place, encoded }) => `${toHex(place.hash)} ${toHex(encoded)}`);
  return { count: sum.count, sum: toHex(sum.bytes()), entries: entries.toSorted() };
}

function wanted(sent: readonly Sent[]): Seen {
  const live = liveSet(sent.flatMap(({ placed }) => placed));
  const entries = live.map(({ hash, bytes }) => `${toHex(hash)} ${bytes}`);
  return { ...digestOf(live), entries: entries.toSorted() };
}

/** Before everything arrives whole: parts of batches, and restarts. */
type Step = { readonly batch: number; readonly leaves: number; readonly restart: boolean };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    batch: fc.nat({ max: 3 }),
    leaves: fc.integer({ min: 1, max: 7 }),
    restart: fc.boolean(),
  }),
  { maxLength: 3 },
);
const order = fc.array(fc.nat(), { minLength: 4, maxLength: 4 });

function partOf({ entries, bundle }: Batch, leaves: number): Uint8Array {
  const indexes = [...entries.keys()].filter((index) => (leaves & (1 << index)) !== 0);
  return bundle(indexes.length === 0 ? entries.keys() : indexes);
}

function arrive(sent: readonly Sent[], schedule: readonly Step[], drawn: readonly number[]): State {
  const store = memoryStore();
  let state = open(store);
  for (const { batch, leaves, restart } of schedule) {
    state.ingest(partOf(sent[batch % sent.length]!.batch, leaves), somePeer, wallMs);
    if (restart) state = open(store);
  }
  const shuffled = sent.toSorted((a, b) => drawn[sent.indexOf(a)]! - drawn[sent.indexOf(b)]!);
  const bundles = shuffled.map(({ batch }) => batch.bundle());
  state.ingestAll(bundles.slice(0, 2), somePeer, wallMs);
  state.ingestAll(bundles.slice(1), somePeer, wallMs);
  return open(store);
}

/** Gives the live entries one by one, by path, in the order of their hashes. */
export function onlyLive(sent: readonly Sent[]): State {
  const live = new Set(
    liveSet(sent.flatMap(({ placed }) => placed)).map(({ hash }) => toHex(hash)),
  );
  const state = open();
  const parts = sent.flatMap(({ batch, placed }) => placed.map((one) => ({ batch, ...one })));
  for (const { batch, index, hash } of parts) {
    if (live.has(toHex(hash))) state.ingest(batch.bundle([index]), somePeer, wallMs);
  }
  return state;
}

/** Much of one key and mostly of one epoch, so that one newcomer supersedes several, and is held against many. */
export function crowdLaws(entryClass: EntryClass): Law[] {
  const entry = fc
    .tuple(someEntry(entryClass, ["k"]), fc.nat({ max: 9 }))
    .map(([given, keep]) => (keep === 0 ? given : { ...given, epoch: undefined }));
  const plan = plansOf(entry, { plansMax: 1, entriesMax: 3 }).map(([one]) => one!);
  const plans = fc.array(plan, { minLength: 5, maxLength: 15 });
  const subject = { namespace, class: entryClass, type: `type${entryClass}`, key: "k" };
  return [
    {
      name: "after each of many batches of one key what lives is what nothing supersedes",
      property: fc.property(plans, (given) => {
        const state = open();
        const sent: Sent[] = [];
        for (const one of given.map(sentOf)) {
          sent.push(one);
          state.apply([accept(one.batch.bundle())]);
          assert.deepEqual(seen(state, [subject]), wanted(sent));
        }
      }),
    },
  ];
}

export function mergeLaws(entryClass: EntryClass): Law[] {
  const entry = someEntry(entryClass, keys);
  const some = (plansMax: number): fc.Arbitrary<Plan[]> =>
    plansOf(entry, { plansMax, entriesMax: 3 });
  const subjects = ["k", "l"].map((key) => {
    return { namespace, class: entryClass, type: `type${entryClass}`, key };
  });
  const expectSeen = (state: State, sent: readonly Sent[]): void =>
    assert.deepEqual(seen(state, subjects), wanted(sent));
  return [
    {
      name: "order, repetition, parts by path and restarts change nothing",
      property: fc.property(some(4), steps, order, (plans, schedule, drawn) => {
        const sent = plans.map(sentOf);
        expectSeen(arrive(sent, schedule, drawn), sent);
      }),
    },
    {
      name: "merging is commutative, associative and idempotent",
      property: fc.property(some(2), some(1), some(1), (first, second, third) => {
        const [a, b, c] = [first.map(sentOf), second.map(sentOf), third.map(sentOf)];
        const [left, middle, right] = [filled(a), filled(b), filled(c)];
        const leftAndMiddle = merge(filled(a), middle);
        expectSeen(leftAndMiddle, [...a, ...b]);
        expectSeen(merge(filled(b), left), [...a, ...b]);
        const all = merge(leftAndMiddle, right);
        expectSeen(all, [...a, ...b, ...c]);
        expectSeen(merge(left, merge(middle, right)), [...a, ...b, ...c]);
        const feedSeq = all.feedSeq();
        expectSeen(merge(all, left, all), [...a, ...b, ...c]);
        assert.equal(all.feedSeq(), feedSeq, "watchers were told of what was known");
      }),
    },
    {
      name: "equal live sets have equal digests, whatever else was there before",
      property: fc.property(some(3), (plans) => {
        const sent = plans.map(sentOf);
        const [all, few] = [filled(sent), onlyLive(sent)];
        expectSeen(all, sent);
        assert.deepEqual(seen(few, subjects), seen(all, subjects));
      }),
    },
  ];
}
