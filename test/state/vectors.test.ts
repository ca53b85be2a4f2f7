/** The formats as they were fixed, and some of them once more by hand, from docs/formats.md and node:crypto alone. */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { fromHex, toHex } from "../../src/core/codec.ts";
import type { Store } from "../../src/core/ports.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { encryptionProtocol, noisePrologue } from "../../src/host/net/encrypter.ts";
import { acceptEvent } from "../../src/protocol/gossip/event.ts";
import { decodeBundleMessage } from "../../src/protocol/gossip/message.ts";
import { decodeCard } from "../../src/protocol/membership/card.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import { decodeEntry } from "../../src/protocol/state/entry.ts";
import { decodeHeader, verifyHeader } from "../../src/protocol/state/header.ts";
import { State } from "../../src/protocol/state/state.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { seededRandom } from "../seeded-random.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { checkTables } from "./tables.ts";
import {
  alice,
  atMs,
  batch,
  capable,
  computeStore,
  computeVectors,
  entries,
  fill,
  network,
} from "./vector-set.ts";

type Hex = Record<string, string>;
const store2 = JSON.parse(readFileSync(join(import.meta.dirname, "store-2.json"), "utf8")) as Hex;
const vectors = JSON.parse(readFileSync(join(import.meta.dirname, "vectors.json"), "utf8")) as {
  entry: Hex;
  "leaf hash": Hex;
  "leaf hash under a capability": string;
  "merkle root": Hex;
  header: Hex;
  bundle: Hex;
  "sum of the leaf hashes": string;
  gossip: Hex;
  member: Hex;
  digest: string;
  "digests of namespaces": Hex;
  store: Hex;
  "writer alice": string;
};

function open(): Store {
  const store = openLmdbStore(temporaryFolder());
  onTestFinished(() => store.close());
  return store;
}

/** A store with these rows, as an older program left it. */
function stored(rows: Hex): Store {
  const store = open();
  store.transaction((tx) => {
    for (const [key, value] of Object.entries(rows)) tx.put(fromHex(key), fromHex(value));
  });
  return store;
}

test("the store has all that it should: every table, with nodes of all levels of sums", () => {
  const rows = Object.keys(store2);
  for (const table of ["08", "0a", "0b", "0c", "0d", "0e", "0f", "10"]) {
    expect(rows.some((key) => key.startsWith(table))).toBe(true);
  }
  const nodes = rows.filter((key) => key.startsWith("0c") && key.length > 2 * 32);
  expect(nodes.map((key) => key.slice(18, 20))).toEqual(["01", "02", "03"]);
});

test("everything is encoded, hashed and signed as it was when the format was fixed", () => {
  const { store: _schema1, ...fixed } = vectors;
  expect(computeVectors(open())).toEqual(fixed);
});

test("everything is stored as it was when the schema was fixed", () => {
  expect(computeStore(open())).toEqual(store2);
});

describe("what was encoded then is understood now:", () => {
  test("entries", () => {
    for (const [name, hex] of Object.entries(vectors.entry)) {
      expect(decodeEntry(fromHex(hex))).toEqual(entries[name]);
    }
  });

  test("headers and signatures", () => {
    const encoded = fromHex(vectors.header["bytes"]!);
    const header = decodeHeader(encoded);
    expect(header).toEqual({ ...batch.header, root: Uint8Array.from(batch.header.root) });
    expect(verifyHeader(encoded, header.author, fromHex(vectors.header["signature"]!))).toBe(true);
  });

  test("bundles", () => {
    const read = (name: string) => acceptBundle(fromHex(vectors.bundle[name]!), network);
    const all = Object.values(vectors["leaf hash"]);
    const whole = read("whole");
    expect(whole.entries.map(({ hash }) => toHex(hash))).toEqual(all);
    expect(whole.refusals).toEqual([]);
    expect(read("entries 0, 1 and 5").entries.map(({ hash }) => toHex(hash))).toEqual([
      all[0],
      all[1],
      all[5],
    ]);
    expect(read("entry 8 alone").entries.map(({ hash }) => toHex(hash))).toEqual([all[8]]);
    expect(read("with a capability").header).toMatchObject({ capability: Uint8Array.of(1, 2, 3) });
  });

  test("gossip", () => {
    const bundle = decodeBundleMessage(fromHex(vectors.gossip["bundle message"]!))!;
    expect(toHex(acceptBundle(bundle, network).hash)).toBe(toHex(capable.hash));
    expect(acceptEvent(fromHex(vectors.gossip["event"]!), network, atMs)).toEqual({
      event: {
        topic: "news",
        author: alice.identity.peer,
        sentAtMs: atMs,
        data: Uint8Array.from(Buffer.from("it works")),
      },
    });
    expect(decodeCard(Buffer.from(vectors.member["card"]!))).toEqual({
      name: "a node",
      version: "0.1.0",
      left: false,
    });
  });

  test.each([
    ["schema 1", vectors.store, 10, vectors.digest],
    ["schema 2", store2, 11, undefined],
  ])("a whole store of %s, which opens and goes on", (_schema, rows, entriesLive, digest) => {
    const store = stored(rows);
    const state = new State({
      store,
      identity: alice.identity,
      network,
      random: seededRandom(99),
      origin: "a place",
    });
    expect(checkTables(store, [vectors["writer alice"].slice(0, 64)]).length).toBe(entriesLive);
    if (digest !== undefined) expect(stateDigest(state).digest).toBe(digest);
    expect(state.namespaces()).toEqual(["default", "sys"]);
    const before = rows === store2 ? 5n : 2n;
    const [written] = state.write(
      [{ namespace: "default", entries: [entries["register, text"]!] }],
      atMs,
    );
    expect(acceptBundle(written!.bundle, network).header.seq).toBe(before + 1n);
    checkTables(store, [vectors["writer alice"].slice(0, 64)]);
  });
});

function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function number(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(bytes * 2, "0"), "hex");
}

const hex = (text: string): Buffer => Buffer.from(text, "hex");

describe("by hand:", () => {
  const author = hex(vectors["writer alice"].slice(0, 64));
  const nonce = hex(vectors["writer alice"].slice(64));
  const node = (left: Uint8Array, right: Uint8Array): Buffer =>
    sha256("\x0ccoterie/node", left, right);

  test("a leaf hash binds network, namespace, writer, place, time and capability", () => {
    const { seq, stamp } = batch.header;
    for (const [index, [name, entry]] of Object.entries(vectors.entry).entries()) {
      const hash = sha256(
        "\x0ccoterie/leaf",
        Buffer.of(1),
        network,
        "\x07default",
        author,
        nonce,
        number(seq, 8),
        number(stamp, 8),
        number(BigInt(index), 2),
        sha256(""),
        number(BigInt(entry.length / 2), 4),
        hex(entry),
      );
      expect(hash.toString("hex")).toBe(vectors["leaf hash"][name]);
    }
    const bob = sha256(
      "\x0ccoterie/leaf",
      Buffer.of(1),
      network,
      "\x03sys",
      capable.header.author,
      capable.header.nonce,
      number(1n, 8),
      number(capable.header.stamp, 8),
      number(0n, 2),
      sha256(Buffer.of(1, 2, 3)),
      number(BigInt(capable.entries[0]!.length), 4),
      capable.entries[0]!,
    );
    expect(bob.toString("hex")).toBe(vectors["leaf hash under a capability"]);
  });

  test("roots follow from leaves as in RFC 6962", () => {
    const leaf = (value: number): Buffer => Buffer.alloc(32, value);
    const four = node(node(leaf(0), leaf(1)), node(leaf(2), leaf(3)));
    expect(vectors["merkle root"]).toMatchObject({
      1: leaf(0).toString("hex"),
      2: node(leaf(0), leaf(1)).toString("hex"),
      3: node(node(leaf(0), leaf(1)), leaf(2)).toString("hex"),
      5: node(four, leaf(4)).toString("hex"),
      8: node(four, node(node(leaf(4), leaf(5)), node(leaf(6), leaf(7)))).toString("hex"),
    });
    const [a, b, c, d, e, f, g, h, i] = Object.values(vectors["leaf hash"]).map(hex) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const root = node(node(node(node(a, b), node(c, d)), node(node(e, f), node(g, h))), i);
    const encoded = Buffer.concat([
      Buffer.of(1),
      network,
      Buffer.from("\x07default"),
      author,
      nonce,
      number(7n, 8),
      Buffer.alloc(32, 0x22),
      number(batch.header.stamp, 8),
      number(9n, 2),
      root,
      Buffer.of(0),
    ]);
    expect(encoded.toString("hex")).toBe(vectors.header["bytes"]);
  });

  test("a header is named and signed under its tag", () => {
    const message = Buffer.concat([
      Buffer.from("\x0ecoterie/header"),
      hex(vectors.header["bytes"]!),
    ]);
    expect(sha256(message).toString("hex")).toBe(vectors.header["hash"]);
    const spki = Buffer.concat([hex("302a300506032b6570032100"), author]);
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    expect(verify(null, message, key, hex(vectors.header["signature"]!))).toBe(true);
  });

  test("a bundle is the header, its signature, a set of leaves, their entries and the other hashes in pre-order", () => {
    const list = Object.values(vectors.entry).map(hex);
    const leaves = Object.values(vectors["leaf hash"]).map(hex);
    const prefixed = (bytes: Buffer): Buffer => {
      const { length } = bytes;
      const varint = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
      return Buffer.concat([Buffer.from(varint), bytes]);
    };
    const head = [prefixed(hex(vectors.header["bytes"]!)), hex(vectors.header["signature"]!)];
    const whole = [...head, Buffer.of(0xff, 0x01), ...list.map(prefixed)];
    expect(Buffer.concat(whole).toString("hex")).toBe(vectors.bundle["whole"]);
    const part = [
      ...head,
      Buffer.of(0b0010_0011, 0),
      ...[0, 1, 5].map((index) => prefixed(list[index]!)),
      node(leaves[2]!, leaves[3]!),
      leaves[4]!,
      node(leaves[6]!, leaves[7]!),
      leaves[8]!,
    ];
    expect(Buffer.concat(part).toString("hex")).toBe(vectors.bundle["entries 0, 1 and 5"]);
  });

  test("the prologue of connections binds network, epoch and secret", () => {
    const keys = { id: network, name: "a network", secret: Buffer.alloc(32, 7), epoch: 258 };
    const bound = sha256(
      "\x16coterie/network-secret",
      "\x20",
      network,
      Buffer.of(0, 0, 1, 2),
      "\x20",
      keys.secret,
    );
    const prologue = Buffer.concat([Buffer.from("\x16coterie/noise-prologue"), bound]);
    expect(toHex(noisePrologue(keys))).toBe(toHex(prologue));
    expect(encryptionProtocol(keys.epoch)).toBe("/coterie/noise/258");
  });

  test("an event is signed under its tag, and a digest sums hashes", () => {
    const event = hex(vectors.gossip["event"]!);
    const message = Buffer.concat([Buffer.from("\x0dcoterie/event"), event.subarray(0, -64)]);
    const spki = Buffer.concat([hex("302a300506032b6570032100"), author]);
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    expect(verify(null, message, key, event.subarray(-64))).toBe(true);

    const filled = open();
    fill(filled);
    const live = checkTables(filled, [vectors["writer alice"].slice(0, 64)]);
    const digests = ["default", "sys"].map((namespace) => {
      const hashes = live.filter((entry) => entry.namespace === namespace).map(({ hash }) => hash);
      const sum = hashes.reduce(
        (total, hash) => total + BigInt(`0x${toHex(hex(hash).toReversed())}`),
        0n,
      );
      const bytes = number(sum % 2n ** 256n, 32).toReversed();
      return sha256(number(BigInt(hashes.length), 8), bytes);
    });
    expect(Object.values(vectors["digests of namespaces"])).toEqual(
      digests.map((digest) => toHex(digest)),
    );
    const all = sha256("\x0ecoterie/digest", "\x07default", digests[0]!, "\x03sys", digests[1]!);
    expect(toHex(all)).toBe(vectors.digest);
  });
});
