/** Blocks in memory and DAGs of them, for tests of transfers. */
import { code as dagPbCode, createLink, createNode, encode } from "@ipld/dag-pb";
import { CID } from "multiformats/cid";
import { create as multihash } from "multiformats/hashes/digest";
import { sha256 } from "../../src/core/identity.ts";
import type { Blocks } from "../../src/share/files/blocks.ts";

type Block = { readonly cid: CID; readonly bytes: Uint8Array };

const rawCode = 0x55;

export function cidOf(bytes: Uint8Array, code = rawCode): CID {
  return CID.createV1(code, multihash(0x12, sha256(bytes)));
}

export class MemoryBlocks implements Blocks {
  readonly blocks = new Map<string, Uint8Array>();
  flushes = 0;

  add(bytes: Uint8Array, code = rawCode): CID {
    const cid = cidOf(bytes, code);
    this.blocks.set(cid.toString(), bytes);
    return cid;
  }

  has(cid: CID): boolean {
    return this.blocks.has(cid.toString());
  }

  async get(cid: CID): Promise<Uint8Array | undefined> {
    return this.blocks.get(cid.toString());
  }

  async putMany(blocks: readonly Block[]): Promise<void> {
    for (const { cid, bytes } of blocks) this.blocks.set(cid.toString(), bytes.slice());
  }

  async flush(): Promise<void> {
    this.flushes++;
  }

  /** A node over these, in that order. */
  node(links: readonly CID[]): CID {
    const node = createNode(
      new Uint8Array(0),
      links.map((cid, index) => createLink(String(index).padStart(8, "0"), 1, cid)),
    );
    return this.add(encode(node), dagPbCode);
  }

  /** Leaves of so many bytes that all differ, under nodes of at most `fan` links. */
  file(leaves: number, leafBytes: number, fan = 64): CID {
    let level = Array.from({ length: leaves }, (_, index) => {
      const bytes = new Uint8Array(leafBytes).fill(index);
      if (leafBytes >= 4) new DataView(bytes.buffer).setUint32(0, index);
      return this.add(bytes);
    });
    while (level.length > 1) {
      level = Array.from({ length: Math.ceil(level.length / fan) }, (_, index) =>
        this.node(level.slice(index * fan, (index + 1) * fan)),
      );
    }
    return level[0]!;
  }
}
