/**
 * What a writer promises, whatever happens to it: kill -9 that loses what was not flushed, a store that refuses half-way,
 * a wall clock that jumps, data directories that are copied to other machines. What was acknowledged stays, no position is
 * used twice, and each writer's headers count and chain.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import type { Store } from "../../src/core/ports.ts";
import { acceptBundle, type AcceptedBundle } from "../../src/protocol/state/bundle.ts";
import { classes, type Entry } from "../../src/protocol/state/entry.ts";
import { noHash } from "../../src/protocol/state/header.ts";
import type { State } from "../../src/protocol/state/state.ts";
import { memoryStore } from "../memory-store.ts";
import { seededRandom } from "../seeded-random.ts";
import { failingStore, type FailingStore } from "./failing-store.ts";
import { makeBatch, network, openState, register, stampOf, testWriter, wallMs } from "./fixture.ts";
import { liveSet } from "./law.ts";

const author = testWriter("here");
const namespaces = ["a", "b"];
const keys = ["x", "y"];
const slot: Entry = { class: classes.slot, type: "slots", key: "x" };

/** From somebody else and of long ago, with an epoch that nothing written here reaches. */
const wipe = namespaces.map((namespace) => {
  const stamp = stampOf(wallMs - 1_000_000);
  const entries = [{ ...slot, epoch: stamp }];
  return acceptBundle(
    makeBatch({ writer: testWriter("eve"), namespace, stamp, entries }).bundle(),
    network,
  );
});

const machinesMax = 3;
/** Draws of the states opened so far, so that no two draw the same. */
let opened = 0;

function copyOf(store: Store): Store {
  const copy = memoryStore();
  const rows = [...store.range({ from: Uint8Array.of(0), to: Uint8Array.of(0xff) })];
  copy.transaction((tx) => {
    for (const { key, value } of rows) tx.put(key, value);
  });
  return copy;
}

/** A data directory on a machine of its own, with a wall clock that may be wrong. */
class Machine {
  readonly #origin: string;
  #store: FailingStore;
  /** What a crash leaves: the store when it was flushed last. */
  #flushed: Store;
  #state: State;
  #unflushed: AcceptedBundle[] = [];
  readonly published: AcceptedBundle[] = [];
  readonly #heard: AcceptedBundle[] = [];
  clockMs = wallMs;

  constructor(origin: string, store: Store) {
    this.#origin = origin;
    this.#flushed = store;
    this.#store = failingStore(copyOf(store));
    this.#state = this.#open();
  }

  #open(): State {
    const random = seededRandom(opened++);
    return openState(this.#store, { writer: author, random, origin: this.#origin });
  }

  /** One transaction of one header a name. False when it was refused, and then nothing has changed. */
  write(names: readonly string[], key: string): boolean {
    const batches = names.map((namespace) => ({ namespace, entries: [register(key, "value")] }));
    const sums = this.sums();
    try {
      const written = this.#state.write(batches, this.clockMs);
      this.#unflushed.push(...written.map(({ bundle }) => acceptBundle(bundle, network)));
    } catch (error) {
      if (!(error instanceof CoterieError)) throw error;
      expect(["CLOCK_AHEAD", "STORE_FULL"]).toContain(error.code);
      expect(this.sums()).toEqual(sums);
      return false;
    }
    for (const [index, namespace] of names.entries()) {
      const last = this.#unflushed.at(index - names.length)!;
      if (names.indexOf(namespace, index + 1) !== -1) continue;
      expect(this.liveStamps(namespace, key)).toEqual([last.header.stamp]);
    }
    return true;
  }

  /** Writes what `wipe` has superseded beforehand: of these nothing but the mark tells the stamps. */
  writeDead(namespace: string): void {
    try {
      const [written] = this.#state.write([{ namespace, entries: [slot] }], this.clockMs);
      this.#unflushed.push(acceptBundle(written!.bundle, network));
    } catch (error) {
      expect(error).toMatchObject({ code: "CLOCK_AHEAD" });
    }
  }

  failingWrite(names: readonly string[], key: string, after: number): void {
    this.#store.failAfter(after);
    this.write(names, key);
    this.#store.failAfter(undefined);
  }

  flush(): void {
    this.#flushed = copyOf(this.#store);
    this.published.push(...this.#unflushed);
    this.#unflushed = [];
  }

  /** Kill -9: what was not flushed was acknowledged to nobody, and may be gone. */
  crash(): void {
    this.#store = failingStore(copyOf(this.#flushed));
    this.#state = this.#open();
    this.#unflushed = [];
  }

  /** As a backup taken while the daemon runs: what was flushed. */
  copyTo(origin: string): Machine {
    const copy = new Machine(origin, copyOf(this.#flushed));
    copy.#heard.push(...this.published, ...this.#heard);
    return copy;
  }

  hear(bundles: readonly AcceptedBundle[]): void {
    this.#state.apply([...bundles]);
    this.#heard.push(...bundles);
    this.flush();
  }

  liveStamps(namespace: string, key: string): bigint[] {
    const subject = { namespace, class: 1, type: "register", key } as const;
    return [...this.#state.live(subject)].map(({ place }) => place.stamp);
  }

  sums(): string[] {
    return namespaces.map((name) => toHex(this.#state.summary(name).bytes()));
  }

  /** All that it acknowledged or heard is there, or was superseded by what is. */
  check(): void {
    const placed = [...this.published, ...this.#heard].flatMap(({ header, writer, entries }) => {
      const { namespace, stamp } = header;
      return entries.map(({ entry, hash }) => ({ namespace, entry, writer, stamp, hash }));
    });
    const live = liveSet(placed);
    for (const namespace of namespaces) {
      for (const key of keys) {
        const here = live.filter((one) => {
          return one.namespace === namespace && one.entry.key === key && one.entry.class === 1;
        });
        expect(this.liveStamps(namespace, key)).toEqual(here.map(({ stamp }) => stamp));
      }
    }
    expect(this.#state.forks).toBe(0);
  }
}

type Step =
  | { readonly kind: "write" | "crash"; readonly names: readonly string[]; readonly key: string }
  | { readonly kind: "fail"; readonly names: readonly string[]; readonly after: number }
  | { readonly kind: "clock"; readonly byMs: number }
  | { readonly kind: "flush" | "copy" }
  | { readonly kind: "dead"; readonly name: string }
  | { readonly kind: "hear"; readonly from: number };

const names = fc.array(fc.constantFrom(...namespaces), { minLength: 1, maxLength: 3 });
const key = fc.constantFrom(...keys);
const step: fc.Arbitrary<Step & { readonly at: number }> = fc
  .tuple(
    fc.nat({ max: machinesMax - 1 }),
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("write" as const), names, key }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const), names, key }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("fail" as const),
          names,
          after: fc.nat({ max: 25 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("clock" as const),
          byMs: fc.oneof(fc.constantFrom(-1, -50_000, 3_600_000, -3_600_000), fc.nat({ max: 5 })),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("copy" as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("dead" as const),
          name: fc.constantFrom(...namespaces),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("hear" as const),
          from: fc.nat({ max: machinesMax - 1 }),
        }),
      },
    ),
  )
  .map(([at, what]) => ({ at, ...what }));

function take(machines: Machine[], here: Machine, what: Step): void {
  switch (what.kind) {
    case "write":
      here.write(what.names, what.key);
      return;
    case "fail":
      here.failingWrite(what.names, "x", what.after);
      return;
    case "crash": // with a write that never reached the disk, and one after it
      here.write(what.names, what.key);
      here.crash();
      here.write(what.names, what.key);
      return;
    case "clock":
      here.clockMs += what.byMs;
      return;
    case "flush":
      here.flush();
      return;
    case "copy":
      if (machines.length < machinesMax) machines.push(here.copyTo(`machine ${machines.length}`));
      return;
    case "dead":
      here.writeDead(what.name);
      return;
    case "hear":
      here.hear(machines[what.from % machines.length]!.published);
  }
}

/** Of all that was ever published: each writer's headers count from 1, chain, and rise, and no place is taken twice. */
function checkChains(published: readonly AcceptedBundle[]): void {
  const chains = Map.groupBy(
    published,
    ({ header, writer }) => `${toHex(writer)} ${header.namespace}`,
  );
  for (const chain of chains.values()) {
    let before: AcceptedBundle | undefined;
    for (const one of chain) {
      expect(one.header.seq).toBe((before?.header.seq ?? 0n) + 1n);
      expect(toHex(one.header.prev)).toBe(toHex(before?.hash ?? noHash));
      before = one;
    }
  }
  for (const of of Map.groupBy(published, ({ writer }) => toHex(writer)).values()) {
    const stamps = of.map(({ header }) => header.stamp);
    expect(stamps).toEqual(stamps.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(stamps).size).toBe(stamps.length);
  }
}

test("through crashes, refusals, jumps of the clock and copies of the store no position is used twice and nothing acknowledged is lost", () => {
  let copies = 0;
  const property = fc.property(fc.array(step, { maxLength: 25, size: "max" }), (schedule) => {
    const machines = [new Machine("machine 0", memoryStore())];
    machines[0]!.hear(wipe);
    for (const { at, ...what } of schedule) take(machines, machines[at % machines.length]!, what);
    for (const here of machines) here.flush();
    const published = machines.flatMap((here) => here.published);
    checkChains(published);
    for (const here of machines) {
      here.hear(published);
      here.crash();
      here.check();
    }
    expect(new Set(machines.map((here) => here.sums().join())).size).toBe(1);
    copies += machines.length - 1;
  });
  fc.assert(property, { numRuns: 150 });
  expect(copies).toBeGreaterThan(50);
});

test("a copy of the store on another machine writes under a nonce of its own, from the first position on", () => {
  const original = new Machine("here", memoryStore());
  original.write(["a"], "x");
  original.write(["a"], "x");
  original.flush();
  const copy = original.copyTo("there");
  for (const machine of [original, copy]) {
    machine.write(["a"], "x");
    machine.flush();
  }
  const [mine, its] = [original.published.at(-1)!, copy.published.at(-1)!];
  expect([mine.header.seq, its.header.seq]).toEqual([3n, 1n]);
  expect(toHex(mine.header.nonce)).not.toBe(toHex(its.header.nonce));
  expect(its.header.stamp).toBeGreaterThan(original.published[1]!.header.stamp);
});

test("stamps go on above the stored mark after a crash, though the clock went back and nothing written lives", () => {
  const machine = new Machine("here", memoryStore());
  machine.hear(wipe);
  machine.writeDead("a");
  machine.writeDead("a");
  machine.flush();
  const mark = machine.published.at(-1)!.header.stamp;
  machine.writeDead("a");
  machine.clockMs -= 50_000;
  machine.crash();
  machine.write(["b"], "x");
  machine.flush();
  const after = machine.published.at(-1)!.header;
  expect(after.stamp).toBeGreaterThan(mark);
  machine.clockMs -= 3_600_000;
  expect(machine.write(["b"], "x")).toBe(false);
  machine.clockMs += 3_600_000;
  expect(machine.write(["b"], "x")).toBe(true);
  machine.flush();
  expect(machine.published.at(-1)!.header.seq).toBe(after.seq + 1n);
});
