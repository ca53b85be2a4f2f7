/**
 * The binary Merkle tree over a batch's entry hashes. Its shape follows from the number of leaves alone: a tree of n > 1
 * leaves splits at the largest power of two below n (RFC 6962, section 2.1); leaves and inner nodes are hashed under
 * different tags, so neither can pass for the other.
 *
 * A pruned tree knows some leaves and stands for every subtree without a known leaf by its hash. Its hashes are listed
 * in pre-order, which together with the number of leaves and the set of known leaves fixes its meaning.
 */
import { badFormat, concatBytes } from "../../core/codec.ts";
import { hashBytes } from "../../core/ids.ts";
import { sha256, tag } from "../../core/identity.ts";

const nodeTag = tag("coterie/node");

/** Filled anew for each node; hashing is what batches spend most time on. */
const nodeMessage = concatBytes(nodeTag, new Uint8Array(2 * hashBytes));

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeMessage.set(left, nodeTag.length);
  nodeMessage.set(right, nodeTag.length + hashBytes);
  return sha256(nodeMessage);
}

function splitPoint(count: number): number {
  let half = 1;
  while (half * 2 < count) half *= 2;
  return half;
}

/** Hash of the subtree over `leaves[from..from+count)`. */
function subtreeHash(leaves: readonly Uint8Array[], from: number, count: number): Uint8Array {
  if (count === 1) return leaves[from]!;
  const half = splitPoint(count);
  return nodeHash(subtreeHash(leaves, from, half), subtreeHash(leaves, from + half, count - half));
}

export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return subtreeHash(leaves, 0, leaves.length);
}

/** A set of leaf indexes, one bit each, least significant bit first. */
export class LeafSet {
  readonly bits: Uint8Array;
  readonly count: number;

  constructor(count: number, bits: Uint8Array = new Uint8Array(Math.ceil(count / 8))) {
    this.count = count;
    this.bits = bits;
  }

  static all(count: number): LeafSet {
    const set = new LeafSet(count);
    for (let index = 0; index < count; index++) set.add(index);
    return set;
  }

  /** Throws `BAD_FORMAT` for bits beyond the count. */
  static decode(count: number, bytes: Uint8Array): LeafSet {
    const set = new LeafSet(count, new Uint8Array(bytes)); // a Buffer's slice() is no copy
    if (count % 8 !== 0 && bytes[bytes.length - 1]! >> (count % 8) !== 0) {
      badFormat("leaf set names leaves that are not there");
    }
    return set;
  }

  has(index: number): boolean {
    return (this.bits[index >> 3]! & (1 << (index & 7))) !== 0;
  }

  add(index: number): void {
    this.bits[index >> 3]! |= 1 << (index & 7);
  }

  remove(index: number): void {
    this.bits[index >> 3]! &= ~(1 << (index & 7));
  }

  hasAny(from: number, count: number): boolean {
    for (let index = from; index < from + count; index++) if (this.has(index)) return true;
    return false;
  }

  get size(): number {
    let size = 0;
    for (let index = 0; index < this.count; index++) if (this.has(index)) size++;
    return size;
  }

  *[Symbol.iterator](): Generator<number> {
    for (let index = 0; index < this.count; index++) if (this.has(index)) yield index;
  }
}

type TreeNode = { readonly hash: Uint8Array; readonly children?: readonly [TreeNode, TreeNode] };

/** A tree of which some leaves are known; see the module header. */
export class PrunedTree {
  readonly count: number;
  readonly #root: TreeNode;

  private constructor(count: number, root: TreeNode) {
    this.count = count;
    this.#root = root;
  }

  /**
   * Builds from known leaves and the hashes of the other subtrees: `leafAt` gives the hash of a leaf in `known`,
   * `nextHash` the hashes in pre-order.
   */
  static build(
    known: LeafSet,
    leafAt: (index: number) => Uint8Array,
    nextHash: () => Uint8Array,
  ): PrunedTree {
    const grow = (from: number, count: number): TreeNode => {
      if (!known.hasAny(from, count)) return { hash: nextHash() };
      if (count === 1) return { hash: leafAt(from) };
      const half = splitPoint(count);
      const left = grow(from, half);
      const right = grow(from + half, count - half);
      return { hash: nodeHash(left.hash, right.hash), children: [left, right] };
    };
    return new PrunedTree(known.count, grow(0, known.count));
  }

  get root(): Uint8Array {
    return this.#root.hash;
  }

  /** The hashes that stand beside `known` in pre-order; every leaf of `known` must be known here. */
  prune(known: LeafSet): Uint8Array[] {
    const hashes: Uint8Array[] = [];
    const walk = (node: TreeNode, from: number, count: number): void => {
      if (!known.hasAny(from, count)) {
        hashes.push(node.hash);
      } else if (count > 1 && node.children !== undefined) {
        const half = splitPoint(count);
        walk(node.children[0], from, half);
        walk(node.children[1], from + half, count - half);
      }
    };
    walk(this.#root, 0, this.count);
    return hashes;
  }

  /** The hash of a leaf, undefined when it stands under a subtree's hash. */
  leaf(index: number): Uint8Array | undefined {
    let node = this.#root;
    let from = 0;
    let count = this.count;
    while (count > 1) {
      if (node.children === undefined) return undefined;
      const half = splitPoint(count);
      if (index < from + half) {
        node = node.children[0];
        count = half;
      } else {
        node = node.children[1];
        from += half;
        count -= half;
      }
    }
    return node.hash;
  }
}

/** Reads `hashBytes` at a time; for `PrunedTree.build`. */
export function hashesOf(take: (length: number) => Uint8Array): () => Uint8Array {
  return () => take(hashBytes);
}
