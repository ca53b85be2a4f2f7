/** Supersession is a strict partial order in every class, and that of the design's table, whatever entries say. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { encodeEntry, entryFault, type EntryClass } from "../../src/protocol/state/entry.ts";
import { supersedes } from "../../src/protocol/state/supersede.ts";
import { writerBytesOf } from "./fixture.ts";
import { hostileWriters, someEntry, someStamp } from "./hostile.ts";
import { beats, keepsRules, liveSet, type Placed } from "./law.ts";
import type { Law } from "./laws.ts";

const writers = hostileWriters.map(writerBytesOf);

/** Entries of one key, whether they keep the rules or not; a writer may use one stamp many times. */
function anyStanding(entryClass: EntryClass): fc.Arbitrary<Placed> {
  return fc
    .record({
      entry: someEntry(entryClass, ["k"]),
      writer: fc.constantFrom(...writers),
      stamp: someStamp,
      salt: fc.nat({ max: 3 }),
    })
    .map(({ entry, writer, stamp, salt }) => {
      const named = [Uint8Array.of(salt), writer, encodeEntry(entry), Buffer.from(String(stamp))];
      return { namespace: "n", entry, writer, stamp, hash: sha256(Buffer.concat(named)) };
    });
}

/** Those that all nodes accept. */
export function standing(entryClass: EntryClass): fc.Arbitrary<Placed> {
  return anyStanding(entryClass).filter(
    ({ entry, stamp }) => entryFault(entry, stamp) === undefined,
  );
}

function hashes(set: readonly Placed[]): string[] {
  return set.map(({ hash }) => toHex(hash)).toSorted();
}

/** What stays when each newcomer is weighed against what is there, and what it supersedes is dropped at once. */
function droppingEarly(entries: readonly Placed[]): Placed[] {
  let live: Placed[] = [];
  for (const x of entries) {
    if (live.some((y) => toHex(y.hash) === toHex(x.hash) || supersedes(y, x))) continue;
    live = [...live.filter((y) => !supersedes(x, y)), x];
  }
  return live;
}

function checkTransitive(entries: readonly Placed[]): void {
  for (const x of entries) {
    for (const y of entries.filter((other) => supersedes(x, other))) {
      for (const z of entries) if (supersedes(y, z)) assert.ok(supersedes(x, z));
    }
  }
}

export function orderLaws(entryClass: EntryClass): Law[] {
  const one = standing(entryClass);
  const several = fc.array(one, { minLength: 3, maxLength: 8 });
  const ofPairs = (check: (x: Placed, y: Placed) => void): Law["property"] =>
    fc.property(several, (entries) => {
      for (const x of entries) for (const y of entries) if (x !== y) check(x, y);
    });
  return [
    {
      name: "what all nodes accept are the entries that keep the design's rules",
      property: fc.property(anyStanding(entryClass), ({ entry, stamp }) =>
        assert.equal(entryFault(entry, stamp) === undefined, keepsRules(entry, stamp)),
      ),
    },
    {
      name: "nothing supersedes itself",
      property: fc.property(one, (x) => assert.ok(!supersedes(x, x))),
    },
    {
      name: "no two supersede each other",
      property: ofPairs((x, y) => assert.ok(!supersedes(x, y) || !supersedes(y, x))),
    },
    {
      name: "what supersedes a superseder supersedes the superseded",
      property: fc.property(several, checkTransitive),
    },
    {
      name: "supersession is the order of the design's table",
      property: ofPairs((x, y) => assert.equal(supersedes(x, y), beats(x, y))),
    },
    {
      name: "dropping early leaves the maximal entries of all",
      property: fc.property(several, (entries) =>
        assert.deepEqual(hashes(droppingEarly(entries)), hashes(liveSet(entries))),
      ),
    },
  ];
}
