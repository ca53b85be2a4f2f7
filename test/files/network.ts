/** Members in one process: what the room of files asks of the house, in memory. */
import type { CID } from "multiformats/cid";
import { CoterieError } from "../../src/core/errors.ts";
import type { BlockStore } from "../../src/share/files/block-store.ts";
import { walkDag } from "../../src/share/files/dag-walk.ts";
import type {
  Candidate,
  Fetcher,
  Providers,
  Share,
  ShareState,
} from "../../src/share/files/ports.ts";
import type { ShareFacts } from "../../src/share/files/share-record.ts";

type Member = { readonly blocks: BlockStore; standing: Candidate["standing"]; freeBytes: number };

export class Network {
  readonly members = new Map<string, Member>();
  readonly #shares = new Map<string, Share[]>();
  readonly #held = new Map<string, Set<string>>();
  readonly #listeners = new Set<() => void>();

  join(peer: string, blocks: BlockStore, freeBytes = 2 ** 40): void {
    this.members.set(peer, { blocks, standing: "alive", freeBytes });
    this.changed();
  }

  stand(peer: string, standing: Candidate["standing"]): void {
    this.members.get(peer)!.standing = standing;
    this.changed();
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Holders that are alive. */
  holders(root: string): string[] {
    const said = [...(this.#held.get(root) ?? [])];
    return said.filter((peer) => this.members.get(peer)?.standing === "alive").toSorted();
  }

  /** As two sides of a cut would have left it. */
  both(name: string, shares: readonly Share[]): void {
    this.#shares.set(name, [...shares]);
  }

  stateOf(self: string): ShareState {
    return {
      list: () => [...this.#shares.values()].flat(),
      pages: () => [...this.#shares.values()],
      get: (name) => this.#shares.get(name) ?? [],
      put: async (name, facts: ShareFacts) => {
        this.#shares.set(name, [{ ...facts, name, owner: self }]);
        this.changed();
      },
      remove: async (name) => {
        this.#shares.delete(name);
        this.changed();
      },
      holders: (root) => [...(this.#held.get(root) ?? [])],
      setHeld: async (root, isHeld) => {
        const held = this.#held.get(root) ?? new Set();
        if (held.has(self) === isHeld) return;
        if (isHeld) held.add(self);
        else held.delete(self);
        this.#held.set(root, held);
        this.changed();
      },
      onChange: (handler) => this.#on(handler),
    };
  }

  candidatesOf(self: string) {
    return {
      self,
      list: () =>
        Array.from(this.members, ([peer, { standing, freeBytes }]) => ({
          peer,
          standing,
          freeBytes,
        })),
      onChange: (handler: () => void) => this.#on(handler),
    };
  }

  /** Copies from the first holder that is alive. */
  fetcherOf(self: string): Fetcher {
    return {
      fetch: async (root, { holders, signal, onProgress }) => {
        const giver = holders.find(
          (peer) => peer !== self && this.members.get(peer)?.standing === "alive",
        );
        if (giver === undefined)
          throw new CoterieError("UNREACHABLE", "no member was found that has it");
        const from = this.members.get(giver)!.blocks;
        const to = this.members.get(self)!.blocks;
        const read = async (cid: CID) => (await from.get(cid)) ?? new Uint8Array(0);
        let bytes = 0;
        for await (const block of walkDag(read, root, signal)) {
          await to.putMany([block]);
          bytes += block.bytes.length;
          onProgress({ bytes, blocks: 1 });
        }
        await to.flush();
      },
      probe: async (root, peer) => {
        const gives = this.members.get(peer)?.blocks.has(root) === true;
        return { gives, detail: gives ? "it has it" : "it has it not" };
      },
    };
  }

  get providers(): Providers {
    return { find: async () => [], provide: async () => undefined, withdraw: () => undefined };
  }

  #on(handler: () => void): () => void {
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }
}
