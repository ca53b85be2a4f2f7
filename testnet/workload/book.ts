/** Writes of one type that daemons acknowledged, and whether a node has them. */
import type { CallOptions, Client } from "../../src/control/client.ts";
import type { Loss } from "../ledger.ts";

/** One write, by the node `index`. */
export type Turn = {
  readonly client: Client;
  readonly index: number;
  /** What no other write writes. */
  readonly token: string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly options: CallOptions;
};

/** Where the writes go. Other books have other keys. */
export type Place = { readonly namespace: string; readonly prefix: string };

export interface Book {
  readonly acknowledged: number;
  /** Rejects when the write was not acknowledged; it may have happened. */
  write(turn: Turn): Promise<void>;
  /** What this node has lost of what was acknowledged, and what it shows that nobody wrote. */
  losses(client: Client): Promise<Loss[]>;
}

export function text(value: string): { kind: "text"; bytes: Uint8Array } {
  return { kind: "text", bytes: Buffer.from(value) };
}
