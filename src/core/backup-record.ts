/** The records of a backup: what makes a node that node, and everything that lives there. Layout: docs/formats.md, "Backup". */
import { badFormat, decodeUtf8, fromHex, Reader, toHex, Writer } from "./codec.ts";
import { hashBytes, isNamespace } from "./ids.ts";
import { limits } from "./limits.ts";
import type { PeerName } from "./ports.ts";

/** Whose backup it is; for people, and to check the files against. */
export type BackupInfo = {
  /** Of the program that wrote it. */
  readonly version: string;
  /** Unix ms of its beginning. */
  readonly createdAt: number;
  readonly peerId: PeerName;
  readonly name: string;
  /** `id` in hexadecimal. */
  readonly network: { readonly id: string; readonly name: string };
};

/** The files of a data directory that a backup takes along, by their names there. A node need not have all of them. */
export const backupFiles = [
  "config.toml",
  "identity.key",
  "owner.key",
  "bootstrap.json",
  "services.json",
  "addresses.json",
  "network.json",
] as const;
export type BackupFile = (typeof backupFiles)[number];

/** Counts and digests of what lives, digests in hexadecimal. */
export type StateSum = {
  readonly entries: number;
  readonly digest: string;
  readonly namespaces: readonly {
    readonly name: string;
    readonly entries: number;
    readonly digest: string;
  }[];
};

/** In this order: one `info`, files, bundles, one `end`. */
export type BackupRecord =
  | { readonly kind: "info"; readonly info: BackupInfo }
  | { readonly kind: "file"; readonly name: BackupFile; readonly text: string }
  /** `entries`: how many are in the bundles, some of them superseded by others. */
  | { readonly kind: "bundles"; readonly entries: number; readonly bundles: readonly Uint8Array[] }
  | { readonly kind: "end"; readonly sum: StateSum };

const kinds = ["info", "file", "bundles", "end"] as const satisfies BackupRecord["kind"][];

/** The kind of the byte that names it, or undefined. */
export function kindOf(byte: number): BackupRecord["kind"] | undefined {
  return kinds[byte - 1];
}

export const recordHeadBytes = 5;

/** Kind u8, length u32, body. */
export function encodeRecord(record: BackupRecord): Uint8Array {
  const body = encodeBody(record);
  const kind = kinds.indexOf(record.kind) + 1;
  return new Writer().u8(kind).u32(body.length).bytes(body).finish();
}

function encodeBody(record: BackupRecord): Uint8Array {
  const out = new Writer();
  if (record.kind === "info") {
    out.text(JSON.stringify(record.info));
  } else if (record.kind === "file") {
    out.prefixedText(record.name).text(record.text);
  } else if (record.kind === "bundles") {
    out.varint(record.entries);
    for (const bundle of record.bundles) out.prefixed(bundle);
  } else {
    out.bytes(fromHex(record.sum.digest));
    for (const { name, entries, digest } of record.sum.namespaces) {
      out.prefixedText(name).varint(entries).bytes(fromHex(digest));
    }
  }
  return out.finish();
}

/** Throws `BAD_FORMAT`. Bundles are views into the body, and not looked into. */
export function decodeRecord(kind: BackupRecord["kind"], body: Uint8Array): BackupRecord {
  const reader = new Reader(body);
  if (kind === "info") return { kind, info: decodeInfo(decodeUtf8(body)) };
  if (kind === "file") {
    const name = fileNamed(decodeUtf8(reader.prefixed(body.length)));
    return { kind, name, text: decodeUtf8(reader.bytes(reader.remaining)) };
  }
  if (kind === "end") return { kind, sum: decodeSum(reader) };
  const entries = reader.varint();
  const bundles: Uint8Array[] = [];
  while (reader.remaining > 0) bundles.push(reader.prefixed(body.length));
  return { kind, entries, bundles };
}

function fileNamed(name: string): BackupFile {
  return backupFiles.find((known) => known === name) ?? badFormat("a file that is no node's");
}

function decodeSum(reader: Reader): StateSum {
  const digest = toHex(reader.bytes(hashBytes));
  const namespaces: StateSum["namespaces"][number][] = [];
  let entries = 0;
  while (reader.remaining > 0) {
    const name = decodeUtf8(reader.prefixed(limits.namespaceBytesMax));
    if (!isNamespace(name)) badFormat("a name that no namespace has");
    const count = reader.varint();
    namespaces.push({ name, entries: count, digest: toHex(reader.bytes(hashBytes)) });
    entries += count;
  }
  return { entries, digest, namespaces };
}

function decodeInfo(text: string): BackupInfo {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return badFormat("it is not JSON");
  }
  const { version, createdAt, peerId, name, network } = fieldsOf(value);
  const { id, name: networkName } = fieldsOf(network);
  if (typeof createdAt !== "number") badFormat("createdAt is not a number");
  return {
    version: textOf(version),
    createdAt,
    peerId: textOf(peerId),
    name: textOf(name),
    network: { id: textOf(id), name: textOf(networkName) },
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) badFormat("it is not an object");
  return value as Record<string, unknown>;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : badFormat("a field of it is not text");
}
