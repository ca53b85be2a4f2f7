/** What is encoded comes back, in one form only, and what this version does not know goes on as it came. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, toHex } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import { joinBatch, splitBatch } from "../../src/protocol/state/batch-body.ts";
import { acceptBundle, encodeBundle } from "../../src/protocol/state/bundle.ts";
import { classes, decodeEntry, encodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import {
  decodeHeader,
  encodeHeader,
  noHash,
  type Header,
} from "../../src/protocol/state/header.ts";
import { LeafSet } from "../../src/protocol/state/merkle.ts";
import { makeBatch, network } from "./fixture.ts";
import { batchOf, encodableEntry, hostileWriters, someStamp, somePlan } from "./hostile.ts";
import { keepsRules } from "./law.ts";
import type { Law } from "./laws.ts";
import { merge, open } from "./merge-laws.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

const header: fc.Arbitrary<Header> = fc
  .record({
    network: hash,
    namespace: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
    author: hash,
    nonce: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    seq: fc.bigInt(1n, 2n ** 64n - 1n),
    prev: hash.filter((bytes) => bytes.some((byte) => byte !== 0)),
    stamp: fc.bigInt(1n, 2n ** 64n - 2n),
    count: fc.integer({ min: 1, max: limits.batchEntriesMax }),
    root: hash,
    capability: fc.uint8Array({ maxLength: 40 }),
  })
  .map((fields) => (fields.seq === 1n ? { ...fields, prev: noHash } : fields));

/** Undefined for bytes that are refused; anything but a refusal as BAD_FORMAT fails the law. */
function unlessRefused<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof CoterieError && error.code === "BAD_FORMAT") return undefined;
    throw error;
  }
}

type Damage = { readonly place: number; readonly byte: number; readonly kind: number };
const damage: fc.Arbitrary<Damage> = fc.record({
  place: fc.nat(),
  byte: fc.nat({ max: 255 }),
  kind: fc.nat({ max: 3 }),
});

function damaged(bytes: Uint8Array, { place, byte, kind }: Damage): Uint8Array {
  const at = place % bytes.length;
  if (kind === 0) return bytes.with(at, bytes[at]! ^ (1 << (byte & 7)));
  if (kind === 1) return bytes.subarray(0, at);
  if (kind === 2) return bytes.with(at, byte);
  return concatBytes(bytes, Uint8Array.of(byte));
}

/** Byte arrays as text, without fields that are undefined. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

/** The entry with what its class allows of its fields, brought within the bounds of its stamp. */
function tamed(entry: Entry, stamp: bigint): Entry {
  const { class: entryClass, type, key, body, unknown } = entry;
  const epoch = (entry.epoch ?? 0n) % (stamp + 1n);
  const context = entry.context?.map((seen) => ({ ...seen, stamp: seen.stamp % stamp }));
  const to = (entry.range?.to ?? 0n) % stamp;
  const range = { from: (entry.range?.from ?? 0n) % (to + 1n), to };
  const expires = (stamp >> 16n) + 1n + ((entry.expires ?? 0n) >> 1n);
  const fields = { class: entryClass, type, key, body, unknown };
  if (entryClass === classes.last) return { ...fields, expires };
  if (entryClass === classes.context) return { ...fields, epoch, context, expires };
  return entryClass === classes.slot ? { ...fields, epoch } : { ...fields, epoch, range };
}

export const formatLaws: readonly Law[] = [
  {
    name: "entry: decodes to what was encoded",
    property: fc.property(encodableEntry, (entry) =>
      assert.deepEqual(plain(decodeEntry(encodeEntry(entry))), plain(entry)),
    ),
  },
  {
    name: "entry: has one encoding; damaged bytes are refused or another entry's",
    property: fc.property(encodableEntry, damage, (entry, harm) => {
      const bytes = damaged(encodeEntry(entry), harm);
      const decoded = unlessRefused(() => decodeEntry(bytes));
      if (decoded !== undefined) assert.equal(toHex(encodeEntry(decoded)), toHex(bytes));
    }),
  },
  {
    name: "header: decodes to what was encoded",
    property: fc.property(header, (given) =>
      assert.deepEqual(plain(decodeHeader(encodeHeader(given))), plain(given)),
    ),
  },
  {
    name: "header: has one encoding; damaged bytes are refused or another header's",
    property: fc.property(header, damage, (given, harm) => {
      const bytes = damaged(encodeHeader(given), harm);
      const decoded = unlessRefused(() => decodeHeader(bytes));
      if (decoded !== undefined) assert.equal(toHex(encodeHeader(decoded)), toHex(bytes));
    }),
  },
  {
    name: "bundle: decodes to its entries; what a part is cut to again is the part cut at once",
    property: fc.property(
      somePlan,
      fc.integer({ min: 1, max: 63 }),
      fc.nat(),
      (plan, bits, keep) => {
        const batch = batchOf(plan);
        const chosen = [...batch.entries.keys()].filter((index) => (bits & (1 << index)) !== 0);
        fc.pre(chosen.length > 0);
        const part = acceptBundle(batch.bundle(chosen), network);
        assert.deepEqual(plain(part.header), plain(batch.header));
        for (const { index, encoded } of part.entries) {
          assert.equal(toHex(encoded), toHex(batch.entries[index]!));
        }
        assert.equal(part.entries.length + part.refusals.length, chosen.length);
        const one = new LeafSet(batch.entries.length);
        const last = chosen[keep % chosen.length]!;
        one.add(last);
        const again = encodeBundle(part, one, [batch.entries[last]!], part.tree.prune(one));
        assert.equal(toHex(again), toHex(batch.bundle([last])));
      },
    ),
  },
  {
    name: "gossip: head and body join to the batch they were split from, and no other body does",
    property: fc.property(somePlan, damage, (plan, harm) => {
      const bundle = batchOf(plan).bundle();
      const { head, body } = splitBatch(bundle);
      assert.equal(toHex(joinBatch(head, body)), toHex(bundle));
      const other = damaged(body, harm);
      const joined = unlessRefused(() => joinBatch(head, other));
      if (joined !== undefined) assert.equal(toHex(splitBatch(joined).body), toHex(other));
    }),
  },
  {
    name: "bundle: damaged bytes are refused",
    property: fc.property(somePlan, damage, (plan, harm) => {
      const bundle = batchOf(plan).bundle();
      const bytes = damaged(bundle, harm);
      fc.pre(toHex(bytes) !== toHex(bundle));
      assert.equal(
        unlessRefused(() => acceptBundle(bytes, network)),
        undefined,
      );
    }),
  },
  {
    name: "entries of any content, unknown fields too, are kept and forwarded byte for byte",
    property: fc.property(encodableEntry, someStamp, (any, stamp) => {
      const given = tamed(any, stamp);
      assert.ok(keepsRules(given, stamp));
      const batch = makeBatch({ writer: hostileWriters[0]!, stamp, entries: [given] });
      const first = open();
      assert.equal(first.apply([acceptBundle(batch.bundle(), network)])[0]!.applied, 1);
      const last = merge(open(), merge(open(), first));
      const subject = {
        namespace: "default",
        class: given.class,
        type: given.type,
        key: given.key,
      };
      const bytes = [...last.live(subject)].map(({ encoded }) => toHex(encoded));
      assert.deepEqual(bytes, [toHex(encodeEntry(given))]);
    }),
  },
];
