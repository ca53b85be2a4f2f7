import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeUtf8, toHex, Writer } from "../../src/core/codec.ts";
import { peerNameOf } from "../../src/core/ids.ts";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import { acceptBundle, encodeBundle } from "../../src/protocol/state/bundle.ts";
import { encodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import { headerHash, noHash } from "../../src/protocol/state/header.ts";
import { codedError } from "../coded-error.ts";
import { leafSet, makeBatch, network, register, stampOf, testWriter, wallMs } from "./fixture.ts";
import { batchOf, somePlan } from "./hostile.ts";

const alice = testWriter("alice");
const anyPrev = new Uint8Array(sha256(encodeUtf8("previous")));

function numbered(count: number): Entry[] {
  return Array.from({ length: count }, (_, index) => register(`key ${index}`, `value ${index}`));
}

function refusal(bytes: Uint8Array): Promise<Error> {
  return codedError(() => acceptBundle(bytes, network), "BAD_FORMAT");
}

describe("a bundle", () => {
  test("of any leaves of a batch of any size is accepted, and gives their entries and places", () => {
    const some = fc
      .integer({ min: 1, max: 128 })
      .chain((count) =>
        fc.tuple(fc.constant(count), fc.subarray([...Array(count).keys()], { minLength: 1 })),
      );
    const property = fc.property(some, ([count, indexes]) => {
      const batch = makeBatch({ writer: alice, seq: 7n, prev: anyPrev, entries: numbered(count) });
      const accepted = acceptBundle(batch.bundle(indexes), network);
      expect(accepted.refusals).toEqual([]);
      expect(accepted.header).toEqual({ ...batch.header, root: new Uint8Array(batch.header.root) });
      expect(toHex(accepted.hash)).toBe(toHex(batch.hash));
      expect(toHex(accepted.writer)).toBe(toHex(batch.writer));
      expect(accepted.entries.map(({ index }) => index)).toEqual(indexes);
      for (const { index, hash, encoded, entry } of accepted.entries) {
        expect(toHex(hash)).toBe(toHex(batch.leaves[index]!));
        expect(toHex(encoded)).toBe(toHex(batch.entries[index]!));
        expect(entry.key).toBe(`key ${index}`);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("with any one bit changed is refused", async () => {
    const batch = makeBatch({ writer: alice, entries: numbered(5) });
    for (const bundle of [batch.bundle(), batch.bundle([1, 4])]) {
      for (let bit = 0; bit < bundle.length * 8; bit++) {
        const damaged = bundle.slice();
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        await refusal(damaged);
      }
    }
  });

  test("is refused when it is cut short, has bytes too many, or is no bundle at all", async () => {
    const bundle = makeBatch({ writer: alice, entries: numbered(3) }).bundle([0, 2]);
    for (let length = 0; length < bundle.length; length++)
      await refusal(bundle.subarray(0, length));
    await refusal(concatBytes(bundle, Uint8Array.of(0)));
    const garbage = fc.uint8Array({ maxLength: 600 });
    const prefix = fc.nat({ max: bundle.length });
    const property = fc.asyncProperty(garbage, prefix, async (tail, kept) => {
      fc.pre(kept < bundle.length || tail.length > 0);
      const bytes = concatBytes(bundle.subarray(0, kept), tail);
      fc.pre(toHex(bytes) !== toHex(bundle));
      await refusal(bytes);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  test("is refused when its entries and path are another's, or shifted", async () => {
    const batch = makeBatch({ writer: alice, entries: numbered(4) });
    const other = makeBatch({ writer: alice, entries: numbered(4), namespace: "other" });
    const { encoded, signature } = batch;
    const entries = (indexes: number[]): Uint8Array[] => indexes.map((i) => batch.entries[i]!);
    const hashes = [batch.leaves[1]!, batch.leaves[2]!, batch.leaves[3]!];
    const built = (indexes: number[], given: Uint8Array[], path: Uint8Array[]): Uint8Array =>
      encodeBundle({ encoded, signature }, leafSet(4, indexes), given, path);
    await refusal(built([0, 1, 2, 3], entries([1, 0, 2, 3]), []));
    await refusal(built([1, 2, 3], entries([0, 1, 2]), [batch.leaves[3]!]));
    await refusal(built([0], entries([0]), hashes));
    await refusal(built([0, 1, 2, 3], other.entries.slice(0, 3), []));
    await refusal(encodeBundle(other, leafSet(4, []), [], [batch.header.root]));
    await refusal(
      encodeBundle(
        { encoded, signature: other.signature },
        leafSet(4, [0, 1, 2, 3]),
        entries([0, 1, 2, 3]),
        [],
      ),
    );
  });

  test("of another network is refused", async () => {
    const elsewhere = sha256(encodeUtf8("elsewhere"));
    const batch = makeBatch({ writer: alice, entries: numbered(1), network: elsewhere });
    const error = await refusal(batch.bundle());
    expect(error.message).toContain("another network");
    expect(acceptBundle(batch.bundle(), elsewhere).entries).toHaveLength(1);
  });

  test("signed by another key, or by none, is refused", async () => {
    const batch = makeBatch({ writer: alice, entries: numbered(1) });
    const present = leafSet(1, [0]);
    const signedBy = (signature: Uint8Array): Uint8Array =>
      encodeBundle({ encoded: batch.encoded, signature }, present, batch.entries, []);
    const message = concatBytes(Uint8Array.of(14), encodeUtf8("coterie/header"), batch.encoded);
    expect(acceptBundle(signedBy(alice.identity.sign(message)), network).entries).toHaveLength(1);
    await refusal(signedBy(testWriter("bob").identity.sign(message)));
    await refusal(signedBy(alice.identity.sign(batch.encoded)));
    await refusal(signedBy(new Uint8Array(64)));
  });

  test("has as its name the hash of what is signed, whatever the signature", () => {
    const batch = makeBatch({ writer: alice, entries: numbered(1) });
    const message = concatBytes(Uint8Array.of(14), encodeUtf8("coterie/header"), batch.encoded);
    expect(toHex(headerHash(batch.encoded))).toBe(toHex(sha256(message)));
  });
});

describe("a header is refused", () => {
  test.each([
    ["with stamp 0", { stamp: 0n }],
    ["with the last stamp", { stamp: 2n ** 64n - 1n }],
    ["with sequence number 0", { seq: 0n }],
    ["that is the first and has a predecessor", { seq: 1n, prev: anyPrev }],
    ["that is not the first and has none", { seq: 2n, prev: noHash }],
    ["of no namespace", { namespace: "" }],
    ["of a bad namespace", { namespace: "Default" }],
    ["of a namespace of 64 bytes", { namespace: "n".repeat(64) }],
    ["with no entries", { count: 0 }],
    ["with 129 entries", { count: 129 }],
    ["with an oversize capability", { capability: new Uint8Array(4_097) }],
  ])("%s", async (_name, patch) => {
    await refusal(makeBatch({ writer: alice, entries: numbered(1), ...patch }).bundle());
  });

  test("of another format version", async () => {
    const batch = makeBatch({ writer: alice, entries: numbered(1) });
    const encoded = batch.encoded.slice();
    encoded[0] = 2;
    const message = concatBytes(Uint8Array.of(14), encodeUtf8("coterie/header"), encoded);
    const signature = alice.identity.sign(message);
    const bundle = encodeBundle({ encoded, signature }, leafSet(1, [0]), batch.entries, []);
    expect((await refusal(bundle)).message).toContain("version 2");
  });

  test("but accepted at the edges: first and last stamp, longest namespace, largest capability", () => {
    for (const patch of [
      { stamp: 1n },
      { stamp: 2n ** 64n - 2n },
      { seq: 2n ** 64n - 1n, prev: anyPrev },
      { namespace: "n".repeat(63) },
      { capability: new Uint8Array(limits.capabilityBytesMax) },
    ]) {
      const batch = makeBatch({ writer: alice, entries: numbered(1), ...patch });
      expect(acceptBundle(batch.bundle(), network).entries).toHaveLength(1);
    }
  });
});

describe("an entry is judged alone:", () => {
  test.each([
    ["bytes that are no entry", encodeUtf8("no entry")],
    ["an entry against the rules of its class", encodeEntry({ ...register("k"), epoch: 1n })],
    ["an entry of nothing", new Uint8Array(0)],
    ["an oversize entry", new Uint8Array(limits.entryBytesMax + 1)],
  ])("%s", (_name, bad) => {
    const batch = makeBatch({
      writer: alice,
      entries: [register("a", "1"), bad, register("b", "2")],
    });
    const whole = acceptBundle(batch.bundle(), network);
    expect(whole.entries.map(({ index }) => index)).toEqual([0, 2]);
    expect(whole.refusals).toHaveLength(1);
    const good = acceptBundle(batch.bundle([0, 2]), network);
    expect(good.entries.map(({ index }) => index)).toEqual([0, 2]);
    expect(good.refusals).toEqual([]);
    const alone = acceptBundle(batch.bundle([1]), network);
    expect(alone.entries).toEqual([]);
    expect(alone.refusals).toEqual(whole.refusals);
  });

  test("the same entries are accepted whole and one by one by path, whatever is in the batch", () => {
    const property = fc.property(somePlan, (plan) => {
      const batch = batchOf(plan);
      const whole = acceptBundle(batch.bundle(), network);
      const oneByOne = [...batch.entries.keys()].map((index) =>
        acceptBundle(batch.bundle([index]), network),
      );
      expect(oneByOne.flatMap(({ entries }) => entries)).toEqual(whole.entries);
      expect(oneByOne.flatMap(({ refusals }) => refusals)).toEqual(whole.refusals);
    });
    fc.assert(property, { numRuns: 150 });
  });
});

describe("in namespace sys", () => {
  const bob = testWriter("bob");
  const aliceName = peerNameOf(alice.identity.publicKey);
  const bobName = peerNameOf(bob.identity.publicKey);

  function refused(namespace: string, key: string): boolean {
    const batch = makeBatch({ writer: alice, namespace, entries: [register(key, "x")] });
    return acceptBundle(batch.bundle(), network).refusals.length > 0;
  }

  test("members/<id> and what lies below is written by that id alone, under any nonce and class", () => {
    expect(refused("sys", `members/${aliceName}`)).toBe(false);
    expect(refused("sys", `members/${aliceName}/load`)).toBe(false);
    expect(refused("sys", `members/${bobName}`)).toBe(true);
    expect(refused("sys", `members/${bobName}/load`)).toBe(true);
    for (const type of ["counter", "log"]) {
      for (const entryClass of [2, 3, 4] as const) {
        const entry = { class: entryClass, type, key: `members/${bobName}` };
        const batch = makeBatch({ writer: alice, namespace: "sys", entries: [entry] });
        expect(acceptBundle(batch.bundle(), network).entries).toEqual([]);
      }
    }
  });

  test("no one writes members/ that names nobody", () => {
    for (const key of [
      "members/",
      "members//",
      `members/${aliceName} `,
      "members/nobody",
      `members/ ${aliceName}`,
    ]) {
      expect(refused("sys", key)).toBe(true);
    }
  });

  test("other keys are free, and so is members/ elsewhere", () => {
    for (const key of ["members", "member/x", "Members/x", "xmembers/y"]) {
      expect(refused("sys", key)).toBe(false);
    }
    expect(refused("default", `members/${bobName}`)).toBe(false);
    expect(refused("sys-x", `members/${bobName}`)).toBe(false);
  });
});

test("a bundle's sizes are bounded by what it really holds, not by what it claims", async () => {
  const batch = makeBatch({ writer: alice, entries: numbered(1), stamp: stampOf(wallMs) });
  const claim = new Writer().prefixed(batch.encoded).bytes(batch.signature).u8(1);
  await refusal(
    claim
      .varint(2 ** 40)
      .bytes(batch.entries[0]!)
      .finish(),
  );
});
