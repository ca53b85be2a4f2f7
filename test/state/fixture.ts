/** Batches by any writer, honest or hostile: whatever the headers and entries say, root and signature are right. */
import { concatBytes, encodeUtf8, toHex } from "../../src/core/codec.ts";
import { peerNameOf } from "../../src/core/ids.ts";
import { identityFromSeed, sha256, type Identity } from "../../src/core/identity.ts";
import type { PeerName, Random, Store } from "../../src/core/ports.ts";
import { encodeBundle } from "../../src/protocol/state/bundle.ts";
import { classes, encodeEntry, type Entry } from "../../src/protocol/state/entry.ts";
import {
  encodeHeader,
  headerHash,
  leafHasher,
  noHash,
  signHeader,
  writerOf,
  type Header,
} from "../../src/protocol/state/header.ts";
import { LeafSet, merkleRoot, PrunedTree } from "../../src/protocol/state/merkle.ts";
import { encodeValue } from "../../src/protocol/state/value.ts";
import { State } from "../../src/protocol/state/state.ts";
import { seededRandom } from "../seeded-random.ts";

export const network: Uint8Array = new Uint8Array(sha256(encodeUtf8("network of the tests")));
/** Wall clock of the tests, in ms. */
export const wallMs = 1_800_000_000_000;

export function stampOf(ms: number, counter = 0): bigint {
  return (BigInt(ms) << 16n) | BigInt(counter);
}

export type TestWriter = { readonly identity: Identity; readonly nonce: Uint8Array };

export function testWriter(name: string, nonce = 1): TestWriter {
  const identity = identityFromSeed(sha256(encodeUtf8(`identity of ${name}`)));
  return { identity, nonce: new Uint8Array([0, 0, 0, 0, 0, 0, 0, nonce]) };
}

export function writerBytesOf({ identity, nonce }: TestWriter): Uint8Array {
  return concatBytes(identity.publicKey, nonce);
}

export const somePeer: PeerName = peerNameOf(testWriter("some peer").identity.publicKey);

export type BatchOptions = Partial<Omit<Header, "count" | "root" | "author" | "nonce">> & {
  readonly writer: TestWriter;
  /** An entry, or any bytes in its place. */
  readonly entries: readonly (Entry | Uint8Array)[];
  readonly count?: number;
  readonly root?: Uint8Array;
};

export type Batch = {
  readonly header: Header;
  readonly encoded: Uint8Array;
  readonly signature: Uint8Array;
  readonly hash: Uint8Array;
  readonly writer: Uint8Array;
  readonly entries: readonly Uint8Array[];
  readonly leaves: readonly Uint8Array[];
  /** The bundle with all entries, or those at `indexes` with the hashes that stand for the others. */
  bundle(indexes?: Iterable<number>): Uint8Array;
};

export function makeBatch(options: BatchOptions): Batch {
  const { writer, entries: given, ...patch } = options;
  const position = {
    network,
    namespace: "default",
    author: writer.identity.publicKey,
    nonce: writer.nonce,
    seq: 1n,
    prev: noHash,
    stamp: stampOf(wallMs),
    capability: new Uint8Array(0),
    ...patch,
  };
  const entries = given.map((entry) => (entry instanceof Uint8Array ? entry : encodeEntry(entry)));
  const leafHash = leafHasher(position);
  const leaves = entries.map((entry, index) => leafHash(index, entry));
  const header: Header = { count: entries.length, root: merkleRoot(leaves), ...position };
  const encoded = encodeHeader(header);
  const signature = signHeader(encoded, writer.identity);
  const tree = PrunedTree.build(
    LeafSet.all(entries.length),
    (index) => leaves[index]!,
    () => noHash,
  );
  const bundle = (indexes: Iterable<number> = entries.keys()): Uint8Array => {
    const present = leafSet(entries.length, indexes);
    const chosen = [...present].map((index) => entries[index]!);
    return encodeBundle({ encoded, signature }, present, chosen, tree.prune(present));
  };
  const hash = headerHash(encoded);
  return { header, encoded, signature, hash, writer: writerOf(header), entries, leaves, bundle };
}

export function leafSet(count: number, indexes: Iterable<number>): LeafSet {
  const set = new LeafSet(count);
  for (const index of indexes) set.add(index);
  return set;
}

/** A `register` entry; without a value it deletes. */
export function register(key: string, value?: string): Entry {
  const body =
    value === undefined ? undefined : encodeValue({ kind: "text", bytes: encodeUtf8(value) });
  return { class: classes.last, type: "register", key, body };
}

export type OpenOptions = {
  readonly writer?: TestWriter;
  readonly random?: Random;
  readonly origin?: string;
};

export function openState(store: Store, options: OpenOptions = {}): State {
  const { writer = testWriter("here"), random = seededRandom(1), origin = "here" } = options;
  return new State({ store, identity: writer.identity, network, random, origin });
}

/** Everything in the store as hexadecimal, for comparing before and after. */
export function dump(store: Store): string[] {
  const rows = store.range({ from: Uint8Array.of(0), to: Uint8Array.of(0xff) });
  return [...rows].map(({ key, value }) => `${toHex(key)} ${toHex(value)}`);
}
