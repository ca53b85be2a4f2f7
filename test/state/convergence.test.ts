/**
 * Three states, and a list of entries as the model: whatever is written and arrives, in whatever
 * order and parts and with whatever restarts, the same entries come to live everywhere, and every table agrees.
 */
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import { classes, type Entry } from "../../src/protocol/state/entry.ts";
import { getRegister, listRegisters } from "../../src/protocol/state/register.ts";
import { StateReplica } from "../../src/protocol/state/replica.ts";
import { endBound, startBound } from "../../src/protocol/state/rows.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { seededRandom } from "../seeded-random.ts";
import { memoryStore } from "../memory-store.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  network,
  openState,
  register,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
  type Batch,
} from "./fixture.ts";
import { batchOf, somePlan } from "./hostile.ts";
import { liveSet, type Placed } from "./law.ts";
import { checkTables } from "./tables.ts";

const registerKeys = ["a", "b", "é", "members/nobody"];

/** What a program may write; the other types write contexts and epochs from what they saw before. */
const ownEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...registerKeys), fc.option(fc.string({ maxLength: 3 })))
    .map(([key, value]) => register(key, value ?? undefined)),
  fc.constantFrom("a", "b").map((key) => ({ class: classes.slot, type: "type3", key })),
  fc.constantFrom("a", "b").map((key) => ({ class: classes.append, type: "type4", key })),
  fc.constantFrom("a", "b").map((key) => ({
    class: classes.append,
    type: "type4",
    key,
    epoch: stampOf(wallMs - 999),
    range: { from: 0n, to: stampOf(wallMs - 500) },
  })),
);

type Step =
  | { readonly kind: "write"; readonly node: number; readonly batches: readonly Entry[][] }
  | { readonly kind: "take"; readonly node: number; readonly batch: number; readonly bits: number }
  | { readonly kind: "give"; readonly node: number; readonly to: number }
  | { readonly kind: "reopen"; readonly node: number };

const anyNode = fc.integer({ min: 0, max: 2 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("write" as const),
      node: anyNode,
      batches: fc.array(fc.array(ownEntry, { minLength: 1, maxLength: 4 }).map(distinct), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
    fc.record({
      kind: fc.constant("take" as const),
      node: anyNode,
      batch: fc.nat({ max: 9 }),
      bits: fc.integer({ min: 1, max: 63 }),
    }),
    fc.record({ kind: fc.constant("give" as const), node: anyNode, to: anyNode }),
    fc.record({ kind: fc.constant("reopen" as const), node: anyNode }),
  ),
  { maxLength: 30 },
);

/** One entry a key in a batch is a duty of writers, except in class append. */
function distinct(entries: Entry[]): Entry[] {
  const named = entries.map((entry, index) => {
    const name = entry.class === classes.append ? String(index) : `${entry.class} ${entry.key}`;
    return [name, entry] as const;
  });
  return [...new Map(named).values()];
}

/** Opens the store of a node, or opens it again. */
type Opener = (index: number, before: Store | undefined) => Promise<Store>;

/** A node of the model: its state and everything it was ever given. */
class Replica {
  readonly #index: number;
  readonly #opener: Opener;
  #opened = 0;
  store!: Store;
  state!: State;

  private constructor(index: number, opener: Opener) {
    this.#index = index;
    this.#opener = opener;
  }

  static async open(index: number, opener: Opener): Promise<Replica> {
    const node = new Replica(index, opener);
    await node.#open(undefined);
    return node;
  }

  async #open(before: Store | undefined): Promise<void> {
    this.store = await this.#opener(this.#index, before);
    const random = seededRandom(this.#index * 100 + this.#opened++);
    this.state = openState(this.store, { writer: testWriter(`node ${this.#index}`), random });
  }

  async reopen(): Promise<void> {
    const before = this.summaries();
    await this.#open(this.store);
    expect(this.summaries()).toEqual(before);
  }

  summaries(): string[] {
    const { state } = this;
    return state.namespaces().map((name) => {
      const sum = state.summary(name);
      return `${name} ${sum.count} ${toHex(sum.bytes())}`;
    });
  }

  check(): string[] {
    return checkTables(this.store, [toHex(this.state.writer)])
      .map((entry) => `${entry.namespace} ${entry.hash}`)
      .toSorted();
  }
}

function placedOf(bundle: Uint8Array): Placed[] {
  const { header, writer, entries } = acceptBundle(bundle, network);
  const { namespace, stamp } = header;
  return entries.map(({ entry, hash }) => ({ namespace, entry, writer, stamp, hash }));
}

function partOf(batch: Batch, bits: number): Uint8Array | undefined {
  const indexes = [...batch.entries.keys()].filter((index) => (bits & (1 << index)) !== 0);
  return indexes.length === 0 ? undefined : batch.bundle(indexes);
}

/** Everything that lives on `from`, as reconciliation would bring it. */
function give(from: Replica, to: Replica): void {
  const source = new StateReplica(from.state, (error) => {
    throw error;
  });
  for (const name of source.namespaces()) {
    const { bundles, next } = source.stream(name, startBound, endBound, Number.POSITIVE_INFINITY);
    expect(next).toBeUndefined();
    for (const bundle of bundles) {
      const result = to.state.ingest(bundle, somePeer, wallMs);
      expect(result).toMatchObject({ refused: 0, quarantined: 0, invalid: false });
      expect(result.applied + result.known).toBeGreaterThan(0);
    }
  }
}

function expectValues({ state }: Replica, live: readonly Placed[]): void {
  for (const namespace of state.namespaces()) {
    const wanted = live
      .filter((placed) => placed.namespace === namespace && placed.entry.type === "register")
      .filter(({ entry }) => entry.body !== undefined);
    const listed = listRegisters(state, namespace, { prefix: "", limit: 1_000 }, wallMs);
    expect(listed.items.map(({ key, stamp }) => `${key} ${stamp}`).toSorted()).toEqual(
      wanted.map(({ entry, stamp }) => `${entry.key} ${stamp}`).toSorted(),
    );
    for (const key of registerKeys) {
      const record = getRegister(state, namespace, key, wallMs);
      expect(record?.stamp).toBe(wanted.find(({ entry }) => entry.key === key)?.stamp);
    }
  }
}

/** Writes, takes and gives as the schedule says, then gives everything to everybody in orders drawn. */
async function run(
  opener: Opener,
  plans: readonly Parameters<typeof batchOf>[0][],
  schedule: readonly Step[],
  draw: () => number,
): Promise<void> {
  const hostile = plans.map(batchOf);
  const nodes = [
    await Replica.open(0, opener),
    await Replica.open(1, opener),
    await Replica.open(2, opener),
  ];
  const written: Uint8Array[] = [];
  let clockMs = wallMs;
  for (const step of schedule) {
    const here = nodes[step.node]!;
    if (step.kind === "reopen") await here.reopen();
    else if (step.kind === "give") give(here, nodes[step.to]!);
    else if (step.kind === "take") {
      const part = partOf(hostile[step.batch]!, step.bits);
      if (part !== undefined) here.state.ingest(part, somePeer, wallMs);
    } else {
      const batches = step.batches.map((entries) => ({ namespace: "default", entries }));
      for (const { bundle } of here.state.write(batches, clockMs++)) written.push(bundle);
    }
  }
  for (const here of nodes) here.check();

  const bundles = [...written, ...hostile.map((batch) => batch.bundle())];
  for (const here of nodes) {
    const order = bundles.map((bundle) => ({ bundle, at: draw() })).toSorted((a, b) => a.at - b.at);
    const half = Math.ceil(order.length / 2);
    for (const { bundle } of order.slice(0, half)) here.state.ingest(bundle, somePeer, wallMs);
    here.state.apply(order.slice(half).map(({ bundle }) => acceptBundle(bundle, network)));
  }
  const model = liveSet(bundles.flatMap(placedOf));
  const wanted = model.map(({ namespace, hash }) => `${namespace} ${toHex(hash)}`).toSorted();
  const summaries = nodes[0]!.summaries();
  for (const here of nodes) {
    expect(here.check()).toEqual(wanted);
    expect(here.summaries()).toEqual(summaries);
    expectValues(here, model);
    await here.reopen();
    await here.store.close();
  }
}

const plans = fc.array(somePlan, { minLength: 10, maxLength: 10 });
const draws = fc.infiniteStream(fc.nat());

test("all nodes come to the same live set, values and sums, and it is the model's", async () => {
  const opener: Opener = async (_index, before) => before ?? memoryStore();
  const property = fc.asyncProperty(plans, steps, draws, (hostile, schedule, drawn) =>
    run(opener, hostile, schedule, () => drawn.next().value!),
  );
  await fc.assert(property, { numRuns: 40 });
});

test("over real stores too, whose files are closed and opened in between", async () => {
  const folder = temporaryFolder();
  let runs = 0;
  const property = fc.asyncProperty(plans, steps, draws, (hostile, schedule, drawn) => {
    const here = join(folder, String(runs++));
    const opener: Opener = async (index, before) => {
      await before?.close();
      return openLmdbStore(join(here, String(index)));
    };
    return run(opener, hostile, schedule, () => drawn.next().value!);
  });
  await fc.assert(property, { numRuns: 5 });
});
