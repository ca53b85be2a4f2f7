/** Adding, getting, and blocks as nobody honest makes them. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { encode, prepare } from "@ipld/dag-pb";
import type { CID } from "multiformats/cid";
import { CoterieError } from "../../src/core/errors.ts";
import { systemRandom } from "../../src/host/random.ts";
import { addPath, type AddOptions } from "../../src/share/files/add-path.ts";
import { BlockSink } from "../../src/share/files/block-sink.ts";
import type { BlockStore } from "../../src/share/files/block-store.ts";
import { extract } from "../../src/share/files/extract.ts";
import type { ReadBlock } from "../../src/share/files/unixfs-read.ts";
import { blockOf } from "./fixture.ts";

export const { signal } = new AbortController();

export function addOptions(options: Partial<AddOptions> = {}): AddOptions {
  return { outsideLinks: "refuse", signal, onRead: () => undefined, ...options };
}

export function readerOf(blocks: BlockStore): ReadBlock {
  return async (cid) => {
    const bytes = await blocks.get(cid);
    if (bytes === undefined) throw new CoterieError("NOT_FOUND", `no ${cid.toString()}`);
    return bytes;
  };
}

export async function add(blocks: BlockStore, path: string, options: Partial<AddOptions> = {}) {
  const session = blocks.session();
  try {
    const sink = new BlockSink(blocks);
    const added = await addPath(sink, path, addOptions(options));
    await sink.end();
    await blocks.hold(added.cid, "pinned");
    return added;
  } finally {
    session.end();
  }
}

export function get(blocks: BlockStore, cid: CID, path: string): Promise<void> {
  const options = { signal, random: systemRandom, onWritten: () => undefined };
  return extract(readerOf(blocks), cid, path, options);
}

/** Path, kind and content of everything in a folder. */
export function treeOf(folder: string, at = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(folder, at))) {
    const path = join(folder, at, name);
    const facts = lstatSync(path);
    const inner = join(at, name);
    if (facts.isSymbolicLink()) found[inner] = `-> ${readlinkSync(path)}`;
    else if (facts.isFile())
      found[inner] = createHash("sha1").update(readFileSync(path)).digest("hex");
    else Object.assign(found, { [inner]: "folder" }, treeOf(folder, inner));
  }
  return found;
}

/** The protobuf message of UnixFS, by hand: type, data, sizes of the parts. */
export function unixfs(type: number, sizes: readonly number[] = [], data?: Uint8Array): Uint8Array {
  const varint = (value: number): number[] => {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    return [...bytes, rest];
  };
  const content = data === undefined ? [] : [0x12, ...varint(data.length), ...data];
  return Uint8Array.from([
    0x08,
    type,
    ...content,
    ...sizes.flatMap((size) => [0x20, ...varint(size)]),
  ]);
}

export type Link = { readonly cid: CID; readonly name?: string };

export function dagNode(data: Uint8Array, links: readonly Link[]) {
  const Links = links.map(({ cid, name = "" }) => ({ Hash: cid, Name: name, Tsize: 1 }));
  return blockOf(0x70, encode(prepare({ Data: data, Links })));
}
