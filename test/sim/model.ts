/** What was written and what of it was acknowledged, to hold the nodes to. */
import type { LocalBatch } from "../../src/protocol/state/state.ts";
import type { Operation } from "./plan.ts";
import type { Recorder, Written } from "./recorded-state.ts";

/** `acknowledged`: the promise of every request of it resolved. `unknown`: it may have happened or not. */
export type Told = {
  readonly operation: Operation;
  outcome: "acknowledged" | "unknown";
};

export class Model implements Recorder {
  readonly violations: string[] = [];
  readonly told: Told[] = [];
  /** By leaf hash. */
  readonly written = new Map<string, Written>();
  readonly acknowledged = new Map<string, Written>();
  readonly #batches = new Map<string, readonly Written[]>();

  violation(what: string): void {
    // one cause makes many, and the first say enough
    if (this.violations.length < 20 && !this.violations.includes(what)) this.violations.push(what);
  }

  wrote(node: number, { namespace, stamp }: LocalBatch, entries: readonly Written[]): void {
    for (const entry of entries) this.written.set(entry.hash, entry);
    this.#batches.set(`${node} ${namespace} ${stamp}`, entries);
  }

  /** A request of this node was answered with the stamp of its last entry. */
  acknowledge(node: number, namespace: string, stamp: bigint): void {
    for (const entry of this.#batches.get(`${node} ${namespace} ${stamp}`) ?? []) {
      this.acknowledged.set(entry.hash, entry);
    }
  }

  /** Operations of a kind, by how they came out. */
  operations(kind: Operation["kind"], outcome?: Told["outcome"]): Operation[] {
    return this.told
      .filter((told) => told.operation.kind === kind && (outcome ?? told.outcome) === told.outcome)
      .map(({ operation }) => operation);
  }
}
