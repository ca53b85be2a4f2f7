/**
 * What a block says of files and folders: UnixFS version 1 in dag-pb (specs.ipfs.tech/unixfs), or raw bytes. Nothing that
 * a block says is believed: sizes are compared with what comes, names are judged before they are used.
 */
import { decode } from "@ipld/dag-pb";
import type { CID } from "multiformats/cid";
import { Reader } from "../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { codecs } from "./block-key.ts";

export type FilePart = { readonly cid: CID; readonly size: number };
export type FolderLink = { readonly cid: CID; readonly name: string; readonly tsize: number };

export type UnixfsNode =
  /** `data` comes before the parts; `size` is of both. */
  | { readonly kind: "file"; data: Uint8Array; parts: readonly FilePart[]; size: number }
  | { readonly kind: "folder"; readonly links: readonly FolderLink[] }
  /** Names begin with `prefixLength` digits; those that are no longer are shards of the same folder. */
  | { readonly kind: "shard"; readonly links: readonly FolderLink[]; readonly prefixLength: number }
  | { readonly kind: "symlink"; readonly target: Uint8Array };

const types = ["file", "folder", "file", "metadata", "symlink", "shard"] as const;
const nothing = new Uint8Array(0);
const fanoutMax = 1_024;

/** Throws `BAD_DAG`. */
export function decodeNode(cid: CID, bytes: Uint8Array): UnixfsNode {
  if (cid.code === codecs.raw) return { kind: "file", data: bytes, parts: [], size: bytes.length };
  try {
    return decodePb(bytes);
  } catch (error) {
    const { message } = toCoterieError(error);
    throw new CoterieError("BAD_DAG", `${cid.toString()} is no file or folder: ${message}`, {
      cause: error,
    });
  }
}

function decodePb(bytes: Uint8Array): UnixfsNode {
  const { Data, Links } = decode(bytes);
  const fields = decodeFields(Data ?? nothing);
  const kind = types[fields.type];
  const links = Links.map(({ Hash, Name, Tsize }) => ({
    cid: Hash,
    name: Name ?? "",
    tsize: Tsize ?? 0,
  }));
  if (kind === "folder") return { kind, links };
  if (kind === "symlink") return { kind, target: fields.data };
  if (kind === "shard") return { kind, links, prefixLength: prefixLengthOf(fields.fanout) };
  if (kind !== "file") throw new Error("it is of an unknown type");
  if (links.length !== fields.blockSizes.length) throw new Error("its parts have no sizes");
  const parts = links.map(({ cid }, index) => ({ cid, size: fields.blockSizes[index] ?? 0 }));
  const size = parts.reduce((sum, part) => sum + part.size, fields.data.length);
  if (!Number.isSafeInteger(size)) throw new Error("it says that it is larger than any file");
  return { kind, data: fields.data, parts, size };
}

function prefixLengthOf(fanout: number): number {
  const isPower = fanout > 1 && fanout <= fanoutMax && (fanout & (fanout - 1)) === 0;
  if (!isPower) throw new Error("it has no proper fanout");
  return (fanout - 1).toString(16).length;
}

type Fields = { type: number; data: Uint8Array; blockSizes: number[]; fanout: number };

/** The protobuf message `Data`; unknown fields, and those of no use here, are stepped over. */
function decodeFields(bytes: Uint8Array): Fields {
  const fields: Fields = { type: -1, data: nothing, blockSizes: [], fanout: 0 };
  const from = new Reader(bytes);
  while (from.remaining > 0) {
    const tag = from.varint();
    const [field, wire] = [tag >>> 3, tag & 7];
    if (wire === 2) {
      const value = from.prefixed(bytes.length);
      if (field === 2) fields.data = value;
      if (field === 4) fields.blockSizes.push(...packed(value));
    } else if (wire === 0) {
      const value = from.varint();
      if (field === 1) fields.type = value;
      if (field === 4) fields.blockSizes.push(value);
      if (field === 6) fields.fanout = value;
    } else if (wire === 5) {
      from.bytes(4);
    } else if (wire === 1) {
      from.bytes(8);
    } else {
      throw new Error("its data is no message");
    }
  }
  return fields;
}

function packed(bytes: Uint8Array): number[] {
  const values: number[] = [];
  const from = new Reader(bytes);
  while (from.remaining > 0) values.push(from.varint());
  return values;
}
