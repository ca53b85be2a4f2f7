/**
 * Every format of the state, of gossip and of the store, from fixed seeds; docs/formats.md describes the bytes.
 *
 * vectors.json holds what this made when format version 1 was fixed; "store" in it is a store of schema 1, and
 * store-2.json what it made of schema 2. It never changes within a format version: what
 * differs from it is a defect of the program, not of the file, for the bytes lie in stores and are signed by others.
 * A new format version gets a new file beside it.
 */
import { encodeUtf8, toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { encodeEvent } from "../../src/protocol/gossip/event.ts";
import { encodeBundleMessage } from "../../src/protocol/gossip/message.ts";
import { eventsTopic, stateTopic } from "../../src/protocol/gossip/topics.ts";
import { encodeCard, memberKey } from "../../src/protocol/membership/card.ts";
import { classes, encodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import { merkleRoot } from "../../src/protocol/state/merkle.ts";
import { State } from "../../src/protocol/state/state.ts";
import { stampText } from "../../src/protocol/state/stamp.ts";
import { HashSum } from "../../src/protocol/state/sum.ts";
import { encodeValue } from "../../src/protocol/state/value.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { seededRandom } from "../seeded-random.ts";
import { makeBatch, stampOf, writerBytesOf, type Batch, type TestWriter } from "./fixture.ts";
import { identityFromSeed } from "../../src/core/identity.ts";

export const network: Uint8Array = new Uint8Array(32).fill(0x11);
export const atMs = 1_800_000_000_000;
const stamp = stampOf(atMs, 5);

/** Writers of the vectors: a seed of one repeated byte, and a nonce. */
export function vectorWriter(byte: number): TestWriter {
  const seed = new Uint8Array(32).fill(byte);
  return { identity: identityFromSeed(seed), nonce: new Uint8Array(8).fill(byte + 0x80) };
}

export const alice: TestWriter = vectorWriter(1);
export const bob: TestWriter = vectorWriter(2);

const text = (value: string): Uint8Array => encodeValue({ kind: "text", bytes: encodeUtf8(value) });
const writers = [alice, bob].map(writerBytesOf).toSorted(Buffer.compare);

export const entries: Readonly<Record<string, Entry>> = {
  "register, text": { class: classes.last, type: "register", key: "greeting", body: text("hello") },
  "register, deleted": { class: classes.last, type: "register", key: "greeting" },
  "register, json that expires": {
    class: classes.last,
    type: "register",
    key: "ключ/\u{1f511}",
    body: encodeValue({ kind: "json", bytes: encodeUtf8('{"a": 1}') }),
    expires: BigInt(atMs + 60_000),
  },
  "class context, with epoch, context and expiry": {
    class: classes.context,
    type: "set",
    key: "members",
    body: Uint8Array.of(0xff),
    epoch: stamp - 65_536n,
    context: writers.map((writer, index) => ({ writer, stamp: stamp - 1n - BigInt(index) })),
    expires: BigInt(atMs + 1),
  },
  "class context, with an empty context": {
    class: classes.context,
    type: "multi",
    key: "k",
    context: [],
  },
  "class slot": {
    class: classes.slot,
    type: "counter",
    key: "hits",
    body: Uint8Array.of(2, 1),
    epoch: 0n,
  },
  "class append, an item": {
    class: classes.append,
    type: "log",
    key: "lines",
    body: encodeUtf8("a line"),
  },
  "class append, a checkpoint": {
    class: classes.append,
    type: "log",
    key: "lines",
    body: new Uint8Array(0),
    epoch: 1n,
    range: { from: 2n, to: stamp - 1n },
  },
  "with fields of tomorrow": {
    class: classes.last,
    type: "x.y-1",
    key: "k",
    unknown: Uint8Array.of(9, 2, 1, 2, 0x80, 1, 0),
  },
};

const prev = new Uint8Array(32).fill(0x22);

export const batch: Batch = makeBatch({
  network,
  namespace: "default",
  writer: alice,
  seq: 7n,
  prev,
  stamp,
  entries: Object.values(entries),
});

/** With a capability, which changes header and leaves. */
export const capable: Batch = makeBatch({
  network,
  namespace: "sys",
  writer: bob,
  stamp: stamp + 1n,
  capability: Uint8Array.of(1, 2, 3),
  entries: [entries["register, text"]!],
});

const leaf = (number: number): Uint8Array => new Uint8Array(32).fill(number);

/** The key was found by trying: its entry is a boundary of the fingerprints under the salt of this store. */
const boundaryKey = "boundary 447";

/** Fills an empty store with rows of every table. */
export function fill(store: Store): State {
  const state = new State({
    store,
    identity: alice.identity,
    network,
    random: seededRandom(1),
    origin: "a place",
  });
  state.ingest(batch.bundle([0, 1, 3, 5, 7, 8]), bob.identity.peer, atMs);
  const list = [
    { ...entries["register, text"]!, key: "a" },
    { ...entries["class slot"]!, key: "b" },
    { ...entries["class append, an item"]!, key: "c" },
  ];
  state.write([{ namespace: "default", entries: list }], atMs);
  state.write([{ namespace: "sys", entries: list.slice(0, 1) }], atMs);
  state.write([{ namespace: "default", entries: [{ ...list[0]!, key: boundaryKey }] }], atMs);
  return state;
}

/** Found by trying: its entry begins a page and sums of both levels under the salt of the filled store. */
const sumKey = "sums 300730";

/** All rows of the filled store and a little more, by key. */
export function computeStore(store: Store): Readonly<Record<string, string>> {
  const state = fill(store);
  for (const name of [sumKey, sumKey, "a"]) {
    const one = { ...entries["register, text"]!, key: name };
    state.write([{ namespace: "default", entries: [one] }], atMs);
  }
  const rows = store.range({ from: Uint8Array.of(0), to: Uint8Array.of(0xff) });
  return Object.fromEntries([...rows].map(({ key, value }) => [toHex(key), toHex(value)]));
}

type Vectors = Readonly<Record<string, Readonly<Record<string, string>> | string>>;

export function computeVectors(store: Store): Vectors {
  const state = fill(store);
  const sum = new HashSum();
  for (const one of batch.leaves) sum.add(one);
  return {
    network: toHex(network),
    "writer alice": toHex(writerBytesOf(alice)),
    "writer bob": toHex(writerBytesOf(bob)),
    stamp: stampText(stamp),
    entry: hexOf(Object.entries(entries).map(([name, entry]) => [name, encodeEntry(entry)])),
    "leaf hash": hexOf(Object.keys(entries).map((name, index) => [name, batch.leaves[index]!])),
    "leaf hash under a capability": toHex(capable.leaves[0]!),
    "merkle root": hexOf(
      [1, 2, 3, 5, 8, 128].map((count) => [
        String(count),
        merkleRoot(Array.from({ length: count }, (_, index) => leaf(index))),
      ]),
    ),
    header: hexOf([
      ["bytes", batch.encoded],
      ["hash", batch.hash],
      ["signature", batch.signature],
      ["bytes with a capability", capable.encoded],
      ["hash with a capability", capable.hash],
      ["signature with a capability", capable.signature],
    ]),
    bundle: hexOf([
      ["whole", batch.bundle()],
      ["entries 0, 1 and 5", batch.bundle([0, 1, 5])],
      ["entry 8 alone", batch.bundle([8])],
      ["with a capability", capable.bundle()],
    ]),
    "sum of the leaf hashes": toHex(sum.encode()),
    gossip: {
      "bundle message": toHex(encodeBundleMessage(capable.bundle())!),
      "state topic": stateTopic(network, "default"),
      "events topic": eventsTopic(network),
      event: toHex(
        encodeEvent(
          { topic: "news", data: encodeUtf8("it works"), sentAtMs: atMs },
          network,
          alice.identity,
          Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7),
        ),
      ),
    },
    member: {
      key: memberKey(alice.identity.peer),
      card: Buffer.from(encodeCard({ name: "a node", version: "0.1.0", left: false })).toString(),
    },
    digest: stateDigest(state).digest,
    "digests of namespaces": Object.fromEntries(
      stateDigest(state).namespaces.map(({ name, digest }) => [name, digest]),
    ),
  };
}

function hexOf(named: readonly (readonly [string, Uint8Array])[]): Record<string, string> {
  return Object.fromEntries(named.map(([name, bytes]) => [name, toHex(bytes)]));
}
