/** Gives up what was kept for a share that is no more. */
import type { Clock } from "../../core/ports.ts";
import type { BlockStore } from "./block-store.ts";
import type { Candidates, ShareState } from "./ports.ts";
import { parseRoot } from "./share-record.ts";

export type RemovalsParts = {
  readonly blocks: Pick<BlockStore, "release" | "root">;
  readonly shares: ShareState;
  readonly candidates: Pick<Candidates, "self">;
  readonly clock: Clock;
};

export class Removals {
  readonly #parts: RemovalsParts;
  readonly #roots = new Set<string>();
  #running: Promise<void> | undefined;

  constructor(parts: RemovalsParts) {
    this.#parts = parts;
  }

  /** A root is not kept for a share of this member any more, unless it has another of it. */
  release(root: string): Promise<void> {
    this.#roots.add(root);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** For all that wait one pass over the shares, which may be many, in short parts. */
  async #run(): Promise<void> {
    const { shares, candidates, clock } = this.#parts;
    while (this.#roots.size > 0) {
      const uses = new Map([...this.#roots].map((root) => [root, { others: 0, own: 0 }]));
      this.#roots.clear();
      const beganMs = clock.wallMs();
      for (const page of shares.pages()) {
        for (const { root, owner } of page) {
          const count = uses.get(root);
          if (count !== undefined) count[owner === candidates.self ? "own" : "others"]++;
        }
        await clock.sleep(0);
      }
      for (const [root, { others, own }] of uses) {
        if (own === 0) await this.#giveUp(root, others > 0, beganMs);
      }
    }
  }

  async #giveUp(root: string, isOthers: boolean, beganMs: number): Promise<void> {
    const { blocks, shares } = this.#parts;
    const cid = parseRoot(root);
    // then it may be being shared again, behind where the pass was; if not, the keeper finds it
    const isTaken = (): boolean => (blocks.root(cid)?.usedAt ?? 0) >= beganMs;
    if (isTaken()) return;
    if (!isOthers) await shares.setHeld(root, false);
    if (!isTaken()) blocks.release(cid, "shared");
  }
}
