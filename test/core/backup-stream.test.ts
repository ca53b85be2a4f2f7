import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BackupInfo, BackupRecord, StateSum } from "../../src/core/backup-record.ts";
import { backupFiles } from "../../src/core/backup-record.ts";
import { BackupReader, BackupWriter } from "../../src/core/backup-stream.ts";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";

const info: BackupInfo = {
  version: "0.1.0",
  createdAt: 1_700_000_000_000,
  peerId: "12D3KooW",
  name: "falcon \u{1f600}",
  network: { id: "ab".repeat(32), name: "home" },
};
const sum: StateSum = {
  entries: 300,
  digest: "01".repeat(32),
  namespaces: [
    { name: "a", entries: 100, digest: "02".repeat(32) },
    { name: "default", entries: 200, digest: "03".repeat(32) },
  ],
};

/** A backup of these records between its first and its last. */
function backupOf(between: readonly BackupRecord[]): { all: BackupRecord[]; bytes: Buffer } {
  const all: BackupRecord[] = [{ kind: "info", info }, ...between, { kind: "end", sum }];
  const writer = new BackupWriter();
  return { all, bytes: Buffer.concat(all.map((record) => writer.write(record))) };
}

const small = backupOf([
  { kind: "file", name: "identity.key", text: "coterie-identity-v1 \u00e9\n" },
  { kind: "bundles", entries: 3, bundles: [encodeUtf8("one"), new Uint8Array(200).fill(7)] },
]);

function read(bytes: Uint8Array, cuts: readonly number[] = []): BackupRecord[] {
  const reader = new BackupReader();
  const ends = [...cuts, bytes.length].toSorted((a, b) => a - b);
  let from = 0;
  const records = ends.flatMap((end) => {
    const found = reader.push(new Uint8Array(bytes.subarray(from, end)));
    from = end;
    return found;
  });
  expect(reader.finish()).toEqual(new Uint8Array(bytes.subarray(-32)));
  expect(reader.bytes).toBe(bytes.length);
  return records;
}

/** Code and message of the refusal. */
function refusal(bytes: Uint8Array, cuts?: readonly number[]): string {
  try {
    read(bytes, cuts);
  } catch (error) {
    if (error instanceof CoterieError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("it was read");
}

const withChecksum = (bytes: Uint8Array): Buffer =>
  Buffer.concat([bytes, createHash("sha256").update(bytes).digest()]);

test("the bytes are those of docs/formats.md", () => {
  const record = (kind: number, body: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt8(kind);
    head.writeUInt32BE(body.length, 1);
    return Buffer.concat([head, body]);
  };
  const file = Buffer.concat([
    Buffer.of(12),
    Buffer.from("identity.keycoterie-identity-v1 \u00e9\n"),
  ]);
  const bundles = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.from("one"),
    Buffer.of(0xc8, 0x01),
    Buffer.alloc(200, 7),
  ]);
  const end = Buffer.concat([
    Buffer.alloc(32, 1),
    Buffer.of(1),
    Buffer.from("a"),
    Buffer.of(100),
    Buffer.alloc(32, 2),
    Buffer.of(7),
    Buffer.from("default"),
    Buffer.of(0xc8, 0x01),
    Buffer.alloc(32, 3),
  ]);
  const head = Buffer.from("coterie backup\n\0\u0001");
  const parts = [
    head,
    record(1, Buffer.from(JSON.stringify(info))),
    record(2, file),
    record(3, bundles),
    record(4, end),
  ];
  expect(small.bytes.toString("hex")).toBe(withChecksum(Buffer.concat(parts)).toString("hex"));
});

test("any records come back as they were, in pieces of any size", () => {
  const file = fc.record({
    kind: fc.constant("file" as const),
    name: fc.constantFrom(...backupFiles),
    text: fc.string({ unit: "grapheme" }),
  });
  const bundles = fc.record({
    kind: fc.constant("bundles" as const),
    entries: fc.maxSafeNat(),
    bundles: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
  });
  const pieces = fc.array(fc.nat({ max: 4_000 }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(fc.oneof(file, bundles), { maxLength: 6 }), pieces, (between, cuts) => {
      const { all, bytes } = backupOf(between);
      const found = read(
        bytes,
        cuts.map((cut) => Math.min(cut, bytes.length)),
      );
      expect(found).toEqual(all);
    }),
    { numRuns: 300 },
  );
  expect(read(small.bytes, [...small.bytes.keys()])).toEqual(small.all);
});

describe("damage is found:", () => {
  test("a bit changed anywhere", () => {
    for (let at = 0; at < small.bytes.length; at++) {
      for (const bit of [1, 0x10, 0x80]) {
        const damaged = Buffer.from(small.bytes);
        damaged[at]! ^= bit;
        expect(refusal(damaged), `byte ${at}`).toMatch(
          /^BAD_BACKUP: it is (damaged|cut short|not)/,
        );
      }
    }
  });

  test("an end anywhere but at the end", () => {
    expect(refusal(Buffer.alloc(0))).toBe("BAD_BACKUP: it is not a backup of Coterie");
    for (let length = 1; length < small.bytes.length; length++) {
      const cut = small.bytes.subarray(0, length);
      expect(refusal(cut)).toBe(`BAD_BACKUP: it is cut short, after ${length} bytes`);
    }
  });

  test("bytes taken out, put in and exchanged", () => {
    const place = fc.nat({ max: small.bytes.length });
    fc.assert(
      fc.property(place, place, fc.uint8Array({ maxLength: 40 }), (from, to, given) => {
        const [low, high] = [Math.min(from, to), Math.max(from, to)];
        const parts = [small.bytes.subarray(0, low), given, small.bytes.subarray(high)];
        const damaged = Buffer.concat(parts);
        if (damaged.equals(small.bytes)) return;
        expect(refusal(damaged, [low])).toMatch(/^BAD_BACKUP: it is /);
      }),
      { numRuns: 1_000 },
    );
  });

  test("anything after the end, even another backup", () => {
    for (const more of [Buffer.of(0), small.bytes]) {
      const long = Buffer.concat([small.bytes, more]);
      expect(refusal(long)).toBe("BAD_BACKUP: it is damaged: it goes on after its end");
    }
  });
});

describe("refused by name:", () => {
  test("what is no backup at all", () => {
    for (const text of ["{}", "#!/bin/sh\nexit 0\n".repeat(9), "\0".repeat(100)]) {
      expect(refusal(Buffer.from(text))).toBe("BAD_BACKUP: it is not a backup of Coterie");
    }
  });

  test("a newer version, told from a damaged one by the checksum, whatever stands in it", () => {
    const newer = Buffer.concat([
      Buffer.from("coterie backup\n\u0001\u0002"),
      Buffer.alloc(500, 9),
    ]);
    expect(refusal(withChecksum(newer), [3, 17, 40])).toBe(
      "STORE_VERSION: it is of version 258, this Coterie reads version 1",
    );
    expect(refusal(newer)).toBe("BAD_BACKUP: it is damaged or cut short");
  });

  test.each<[string, readonly BackupRecord[], RegExp]>([
    ["twice whose it is", [{ kind: "info", info }], /does not say once, and first, whose/],
    [
      "a file of another name",
      [{ kind: "file", name: "../../x" as "owner.key", text: "" }],
      /a file that is no node's/,
    ],
  ])("%s, under a checksum that holds", (_name, between, reason) => {
    expect(refusal(backupOf(between).bytes)).toMatch(reason);
  });

  test("a sum of what is no namespace", () => {
    const writer = new BackupWriter();
    const namespaces = [{ ...sum.namespaces[0]!, name: "A/B" }];
    const records = [
      { kind: "info", info },
      { kind: "end", sum: { ...sum, namespaces } },
    ] as const;
    const bytes = Buffer.concat(records.map((record) => writer.write(record)));
    expect(refusal(bytes)).toMatch(/a name that no namespace has/);
  });

  test("a record that claims more than any has, before it is waited for", () => {
    const reader = new BackupReader();
    const head = small.bytes.subarray(0, 18);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(limits.backupRecordBytesMax + 1);
    expect(() => reader.push(Buffer.concat([head, length]))).toThrow("head of a record");
  });

  test("a backup that does not begin with whose it is", () => {
    const writer = new BackupWriter();
    const parts = [writer.write({ kind: "end", sum })];
    expect(refusal(Buffer.concat(parts))).toMatch(/whose it is$/);
  });
});
