/** What the room of files asks of the rest of the house. */
import type { CID } from "multiformats/cid";
import type { PeerName } from "../../core/ports.ts";
import type { ShareFacts } from "./share-record.ts";

export type FetchProgress = { readonly bytes: number; readonly blocks: number };

/** Brings DAGs from other members into the block store. */
export interface Fetcher {
  /**
   * Resolves when every block of the DAG is in the store and flushed; what is there already is not fetched again. Rejects
   * `UNREACHABLE` when nobody that has it can be reached, `FILES_QUOTA`, `STORE_FULL`, `BAD_DAG`, or the signal's reason.
   * The caller holds the root meanwhile, so that blocks stay as they come.
   */
  fetch(
    root: CID,
    options: {
      /** Members that said they hold it, to be asked first. */
      readonly holders: readonly PeerName[];
      readonly signal: AbortSignal;
      onProgress(progress: FetchProgress): void;
    },
  ): Promise<void>;
  /** What a member answers when asked for the root: one line, and whether it would give it. */
  probe(
    root: CID,
    peer: PeerName,
    signal: AbortSignal,
  ): Promise<{ gives: boolean; detail: string }>;
}

/** The DHT's word on who has a root. */
export interface Providers {
  find(root: CID, signal: AbortSignal): Promise<readonly PeerName[]>;
  provide(root: CID, signal: AbortSignal): Promise<void>;
  withdraw(root: CID): void;
}

export type Share = ShareFacts & { readonly name: string; readonly owner: PeerName };

/** Shares and their holders in the replicated state. Writes resolve when they are on disk here. */
export interface ShareState {
  /** By name; two that were added under one name at once both. */
  list(): Iterable<Share>;
  /** The same in parts that each take a moment: many may have been removed, and are still passed over. */
  pages(): Iterable<readonly Share[]>;
  get(name: string): readonly Share[];
  put(name: string, facts: ShareFacts, signal?: AbortSignal): Promise<void>;
  /** Removes all that are seen under the name. */
  remove(name: string, signal?: AbortSignal): Promise<void>;
  /** Members that say they hold the whole of it, each by its own word. */
  holders(root: string): readonly PeerName[];
  /** Says so, or takes it back, for this member. */
  setHeld(root: string, isHeld: boolean): Promise<void>;
  /** Calls back when shares or holders may have changed; returns what stops it. */
  onChange(handler: () => void): () => void;
}

/** A member as placement sees it. `freeBytes`: of its quota for files; undefined when it has not said. */
export type Candidate = {
  readonly peer: PeerName;
  readonly standing: "alive" | "suspect" | "failed" | "left";
  readonly freeBytes: number | undefined;
};

export interface Candidates {
  readonly self: PeerName;
  list(): readonly Candidate[];
  onChange(handler: () => void): () => void;
}
