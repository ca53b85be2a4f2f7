/**
 * Reads files and folders block by block, with a few blocks read ahead and no more in memory. Whatever the DAG says, the
 * walk is bounded: in depth, and in bytes by the sizes that were said at the top.
 */
import type { CID } from "multiformats/cid";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { codecs } from "./block-key.ts";
import { decodeNode, type FilePart, type UnixfsNode } from "./unixfs-node.ts";

/** Gives a block or rejects: a block that is nowhere is an error here. */
export type ReadBlock = (cid: CID, signal: AbortSignal) => Promise<Uint8Array>;

export type FileNode = UnixfsNode & { readonly kind: "file" };
export type FolderEntry = { readonly cid: CID; readonly name: string };

const readAhead = 4;

export async function readNode(
  read: ReadBlock,
  cid: CID,
  signal: AbortSignal,
): Promise<UnixfsNode> {
  return decodeNode(cid, await read(cid, signal));
}

/**
 * The bytes of a file in order, those from `offset` on and `length` of them if asked for. Throws `BAD_DAG` when they are
 * not as many as were said.
 */
export async function* readFile(
  read: ReadBlock,
  file: FileNode,
  signal: AbortSignal,
  range: {
    readonly offset?: number;
    readonly length?: number;
    /** A piece is done with when the next is asked for: its memory need not wait for a collection of garbage. */
    readonly frees?: boolean;
  } = {},
): AsyncGenerator<Uint8Array> {
  const from = Math.min(range.offset ?? 0, file.size);
  const to = Math.min(file.size, from + (range.length ?? file.size));
  const waiting: Piece[] = [];
  const pieces = piecesOf(read, file, signal, from, to);
  try {
    for (let isDone = false; ;) {
      while (!isDone && waiting.length < readAhead) {
        const next = await pieces.next();
        if (next.done) isDone = true;
        else waiting.push(next.value);
      }
      const first = waiting.shift();
      if (first === undefined) return;
      const bytes = await first.piece;
      yield bytes.subarray(Math.max(0, from - first.at), to - first.at);
      if (range.frees === true && first.isLeaf) free(bytes);
    }
  } finally {
    await Promise.allSettled(waiting.map(({ piece }) => piece));
  }
}

type Piece = {
  readonly piece: Promise<Uint8Array>;
  readonly at: number;
  readonly isLeaf: boolean;
};

/** Large leaves are read for one reader each (`BlockStore.get`). */
function free({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > limits.hotBlockBytesMax) {
    buffer.transfer(0);
  }
}

/** Pieces that reach into `[from, to)`, each with its place in the file. */
async function* piecesOf(
  read: ReadBlock,
  file: FileNode,
  signal: AbortSignal,
  from: number,
  to: number,
): AsyncGenerator<Piece> {
  const stack: { readonly parts: readonly FilePart[]; next: number; at: number }[] = [];
  const open = function* (node: FileNode, at: number): Generator<Piece> {
    if (node.data.length > 0 && at < to && at + node.data.length > from) {
      yield { piece: Promise.resolve(node.data), at, isLeaf: false };
    }
    stack.push({ parts: node.parts, next: 0, at: at + node.data.length });
    if (stack.length > limits.fileDepthMax) throw tooDeep(limits.fileDepthMax);
  };
  yield* open(file, 0);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const part = top.parts[top.next++];
    if (part === undefined) {
      stack.pop();
      continue;
    }
    const at = top.at;
    top.at += part.size;
    if (at + part.size <= from || at >= to || part.size === 0) continue;
    if (part.cid.code === codecs.raw) {
      const piece = read(part.cid, signal).then((bytes) => checked(part, bytes.length, bytes));
      piece.catch(() => undefined); // awaited in its turn
      yield { piece, at, isLeaf: true };
    } else {
      const node = await readNode(read, part.cid, signal);
      if (node.kind !== "file") throw badDag(part.cid, "it is a part of a file and no file");
      yield* open(checked(part, node.size, node), at);
    }
  }
}

function checked<T>({ cid, size }: FilePart, found: number, value: T): T {
  if (found === size) return value;
  throw badDag(cid, `it has ${found} bytes where ${size} were said`);
}

/** The entries of a folder in the order of its blocks, names as they are there; sharded or not. */
export async function* readFolder(
  read: ReadBlock,
  node: UnixfsNode,
  signal: AbortSignal,
): AsyncGenerator<FolderEntry> {
  if (node.kind === "folder") {
    yield* node.links;
    return;
  }
  if (node.kind !== "shard") throw new CoterieError("BAD_DAG", "it is no folder");
  const stack = [{ node, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const link = top.node.links[top.next++];
    if (link === undefined) {
      stack.pop();
    } else if (link.name.length > top.node.prefixLength) {
      yield { cid: link.cid, name: link.name.slice(top.node.prefixLength) };
    } else {
      const shard = await readNode(read, link.cid, signal);
      if (shard.kind !== "shard") throw badDag(link.cid, "it is a shard of a folder and none");
      stack.push({ node: shard, next: 0 });
      if (stack.length > limits.shardDepthMax) throw tooDeep(limits.shardDepthMax);
    }
  }
}

export function badDag(cid: CID, why: string): CoterieError {
  return new CoterieError("BAD_DAG", `${cid.toString()}: ${why}`);
}

export function tooDeep(max: number): CoterieError {
  return new CoterieError("BAD_DAG", `its blocks lie over ${max} deep`);
}
