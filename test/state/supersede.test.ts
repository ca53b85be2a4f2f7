/** The design's table by example, each rule at its edge, and that the laws (laws.test.ts) meet what they are about. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classes, type Entry } from "../../src/protocol/state/entry.ts";
import { supersedes, type Standing } from "../../src/protocol/state/supersede.ts";
import { beats } from "./law.ts";
import { standing } from "./order-laws.ts";

const alice = new Uint8Array(40).fill(1);
const bob = new Uint8Array(40).fill(2);
const carol = new Uint8Array(40).fill(3);

type Fields = Pick<Entry, "epoch" | "context" | "range">;
type At = { readonly by?: Uint8Array; readonly hash?: number } & Fields;

/** Makes entries of a class at a stamp. */
function of(entryClass: Entry["class"]): (stamp: bigint, at?: At) => Standing {
  return (stamp, { by = alice, hash = 1, ...fields } = {}) => ({
    entry: { class: entryClass, type: "t", key: "k", ...fields },
    writer: by,
    stamp,
    hash: new Uint8Array(32).fill(hash),
  });
}

const seen = (writer: Uint8Array, stamp: bigint): NonNullable<Entry["context"]>[number] => {
  return { writer, stamp };
};
const last = of(classes.last);
const context = of(classes.context);
const slot = of(classes.slot);
const append = of(classes.append);

/** That x supersedes y, and y not x. */
const wins: [string, Standing, Standing][] = [
  ["last: a later stamp", last(6n), last(5n, { by: bob, hash: 9 })],
  ["last: of equal stamps the larger hash", last(5n, { hash: 2 }), last(5n, { by: bob })],
  ["context: a larger epoch", context(6n, { epoch: 3n }), context(9n, { by: bob, epoch: 2n })],
  ["context: any epoch over none", context(6n, { epoch: 1n }), context(9n, { by: bob })],
  [
    "context: what covers the other's own stamp",
    context(6n, { context: [seen(bob, 5n)] }),
    context(5n, { by: bob }),
  ],
  [
    "context: what covers the other's own stamp and all it had seen",
    context(9n, { context: [seen(bob, 5n), seen(carol, 4n)] }),
    context(5n, { by: bob, context: [seen(carol, 4n)] }),
  ],
  [
    "context: within an epoch that both name",
    context(6n, { epoch: 2n, context: [seen(bob, 5n)] }),
    context(5n, { by: bob, epoch: 2n }),
  ],
  ["slot: a larger epoch", slot(6n, { epoch: 3n }), slot(9n, { by: bob, epoch: 2n })],
  ["slot: a later stamp of one writer", slot(6n), slot(5n, { hash: 9 })],
  ["slot: of equal stamps of one writer the larger hash", slot(5n, { hash: 2 }), slot(5n)],
  ["append: a larger epoch", append(6n, { epoch: 3n }), append(9n, { by: bob, epoch: 2n })],
  [
    "append: a checkpoint over an item at its end",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(5n),
  ],
  [
    "append: and over one at its beginning",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(2n),
  ],
  [
    "append: a checkpoint over a checkpoint within it",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(20n, { hash: 9, range: { from: 2n, to: 4n } }),
  ],
  [
    "append: of equal ranges the later stamp",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(8n, { hash: 9, range: { from: 2n, to: 5n } }),
  ],
  [
    "append: of equal ranges and stamps the larger hash",
    append(9n, { hash: 2, range: { from: 2n, to: 5n } }),
    append(9n, { range: { from: 2n, to: 5n } }),
  ],
  [
    "append: a checkpoint of one stamp over the item there, though that is later by hash",
    append(9n, { range: { from: 5n, to: 5n } }),
    append(5n, { hash: 9 }),
  ],
];

/** That neither supersedes the other. */
const peaceful: [string, Standing, Standing][] = [
  ["last: itself", last(5n), last(5n)],
  ["context: without contexts, however late", context(9n), context(5n, { by: bob })],
  ["context: its own earlier write unless it says so", context(9n), context(5n)],
  [
    "context: what lacks one stamp of the other's own",
    context(9n, { context: [seen(bob, 4n)] }),
    context(5n, { by: bob }),
  ],
  [
    "context: what lacks a writer that the other had seen",
    context(9n, { context: [seen(bob, 5n)] }),
    context(5n, { by: bob, context: [seen(carol, 1n)] }),
  ],
  [
    "context: what had seen less of a writer than the other",
    context(9n, { context: [seen(bob, 5n), seen(carol, 3n)] }),
    context(5n, { by: bob, context: [seen(carol, 4n)] }),
  ],
  ["slot: of two writers", slot(9n), slot(5n, { by: bob })],
  ["slot: itself", slot(5n), slot(5n)],
  ["append: two items", append(9n), append(5n)],
  [
    "append: an item of another writer",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(3n, { by: bob }),
  ],
  ["append: an item after it", append(9n, { range: { from: 2n, to: 5n } }), append(6n)],
  ["append: an item before it", append(9n, { range: { from: 2n, to: 5n } }), append(1n)],
  [
    "append: a checkpoint that begins before",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(8n, { range: { from: 1n, to: 4n } }),
  ],
  [
    "append: a checkpoint that ends after",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(8n, { range: { from: 3n, to: 6n } }),
  ],
  [
    "append: the same range of another writer",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(8n, { by: bob, range: { from: 2n, to: 5n } }),
  ],
  [
    "append: itself",
    append(9n, { range: { from: 2n, to: 5n } }),
    append(9n, { range: { from: 2n, to: 5n } }),
  ],
];

describe("supersedes:", () => {
  test.each(wins)("%s", (_name, x, y) => {
    expect([supersedes(x, y), supersedes(y, x)]).toEqual([true, false]);
    const [mine, its] = [placed(x), placed(y)];
    expect([beats(mine, its), beats(its, mine)]).toEqual([true, false]);
  });
});

describe("stands beside:", () => {
  test.each(peaceful)("%s", (_name, x, y) => {
    expect([supersedes(x, y), supersedes(y, x)]).toEqual([false, false]);
    const [mine, its] = [placed(x), placed(y)];
    expect([beats(mine, its), beats(its, mine)]).toEqual([false, false]);
  });
});

function placed(x: Standing): Parameters<typeof beats>[0] {
  return { namespace: "n", ...x };
}

/** What is equal or nearly so between two entries: where a rule that is a little off would show. */
function edgesOf(x: Standing, y: Standing): string[] {
  const { range: outer, context: mine = [] } = x.entry;
  const { range: inner, context: its = [] } = y.entry;
  const sameWriter = Buffer.compare(x.writer, y.writer) === 0;
  const tie = sameWriter && x.stamp === y.stamp && Buffer.compare(x.hash, y.hash) !== 0;
  const seesOwn = mine.some(
    ({ writer, stamp }) => Buffer.compare(writer, y.writer) === 0 && stamp === y.stamp,
  );
  const epochs = (x.entry.epoch ?? 0n) - (y.entry.epoch ?? 0n);
  if (epochs !== 0n) return epochs > 0n ? ["epoch"] : [];
  return [
    ...(x.entry.epoch !== undefined && x.entry.epoch > 0n ? ["same epoch"] : []),
    ...(tie ? ["tie"] : []),
    ...(seesOwn
      ? [its.length > 0 ? "own stamp at its end, and more" : "own stamp at its end"]
      : []),
    ...(mine.length > 200 ? ["wide context"] : []),
    ...(outer !== undefined && inner === undefined && sameWriter && outer.to === y.stamp
      ? ["item at the end"]
      : []),
    ...(outer !== undefined && outer.from === inner?.from && outer.to === inner.to && sameWriter
      ? ["equal ranges"]
      : []),
    ...(outer !== undefined && outer.from === inner?.from && outer.to !== inner.to && sameWriter
      ? ["ranges with one end"]
      : []),
  ];
}

const everywhere = ["epoch", "same epoch", "tie"];
test.each([
  ["last", 1, ["tie"]],
  [
    "context",
    2,
    [...everywhere, "own stamp at its end", "own stamp at its end, and more", "wide context"],
  ],
  ["slot", 3, everywhere],
  ["append", 4, [...everywhere, "equal ranges", "item at the end", "ranges with one end"]],
] as const)(
  "a thousand drawn pairs of class %s meet each of its edges",
  (_name, entryClass, wanted) => {
    const one = standing(entryClass);
    const pairs = fc.sample(fc.tuple(one, one), { numRuns: 1_000, seed: 1 });
    const met = new Set(pairs.flatMap(([x, y]) => edgesOf(x, y)));
    expect([...met].toSorted()).toEqual([...wanted].toSorted());
  },
);
