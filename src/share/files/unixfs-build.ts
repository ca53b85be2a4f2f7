/**
 * Builds UnixFS DAGs under the profile `unixfs-v1-2025` (IPIP-499): CID version 1, raw leaves, chunks of 1 MiB, at most
 * 1,024 links in a balanced tree, folders whose block would be over 256 KiB sharded 256 ways. So a CID is that which any
 * other software gives under this profile. Modes and times are not kept: they would change the CIDs.
 *
 * Each folder is built by itself, from entries that are: the importer's own walk over paths takes a backslash in a name
 * for an escape, and does not count folders in a folder when it decides on sharding.
 */
import { importer, type ImportCandidate, type ImporterOptions } from "ipfs-unixfs-importer";
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";
import { codecs, sha256Of } from "./block-key.ts";
import type { BlockSink } from "./block-sink.ts";

/** `tsize`: bytes of all blocks under it, counted as often as they are linked. */
export type Built = { readonly cid: CID; readonly tsize: number };
export type BuiltEntry = Built & { readonly name: string };

const profile = {
  profile: "unixfs-v1-2025",
  // memory: so many chunks of one file at once
  blockWriteConcurrency: 4,
  fileImportConcurrency: 1,
} as const satisfies ImporterOptions;

/** A file that fits into one chunk is one raw block. */
export async function buildSmallFile(sink: BlockSink, bytes: Uint8Array): Promise<Built> {
  const cid = CID.createV1(codecs.raw, createDigest(0x12, sha256Of(bytes)));
  await sink.put(cid, bytes);
  return { cid, tsize: bytes.length };
}

export async function buildFile(
  sink: BlockSink,
  content: AsyncIterable<Uint8Array>,
): Promise<Built> {
  return build(sink, [{ path: "file", content }], profile);
}

export async function buildSymlink(sink: BlockSink, target: string): Promise<Built> {
  return build(sink, [{ path: "link", link: target }], profile);
}

/** The names are to differ and to have no slash in them. */
export async function buildFolder(sink: BlockSink, entries: readonly BuiltEntry[]): Promise<Built> {
  return build(sink, [], {
    ...profile,
    wrapWithDirectory: true,
    dagBuilder: async function* () {
      for (const { name, cid, tsize } of entries) {
        yield async () => ({ cid, path: name, size: BigInt(tsize) });
      }
    },
  });
}

async function build(
  sink: BlockSink,
  candidates: readonly ImportCandidate[],
  options: ImporterOptions,
): Promise<Built> {
  const store = { put: (cid: CID, bytes: Uint8Array) => sink.put(cid, bytes) };
  let last: Built | undefined;
  // of what is built the root comes last
  for await (const { cid, size } of importer(candidates, store, { ...options })) {
    last = { cid, tsize: Number(size) };
  }
  if (last === undefined) throw new Error("nothing was built");
  return last;
}
