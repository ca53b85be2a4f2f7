/** The nodes of a testnet as later commands meet them. */
import { createClient, type Client } from "../src/control/client.ts";
import { CoterieError } from "../src/core/errors.ts";
import { isPaused, isRunning } from "./process-identity.ts";
import type { NodeRecord } from "./record.ts";

/** A node whose process runs, with a client of its daemon. */
export type LiveNode = { readonly node: NodeRecord; readonly client: Client };

/** `paused`: its process is there and does nothing. `ended`: it is gone, though no command here has ended it. */
export type NodeState = "running" | "paused" | "stopped" | "ended";

export function stateOf(node: NodeRecord): NodeState {
  if (node.process === null) return "stopped";
  if (!isRunning(node.process)) return "ended";
  return isPaused(node.process) ? "paused" : "running";
}

/** Running or paused. */
export function hasProcess(node: NodeRecord): boolean {
  return node.process !== null && isRunning(node.process);
}

export function connect(node: NodeRecord): LiveNode {
  if (node.socketPath === null) {
    throw new CoterieError("NOT_RUNNING", `${node.name} has never been ready`);
  }
  return { node, client: createClient(node.socketPath) };
}

export function liveNodes(nodes: readonly NodeRecord[]): LiveNode[] {
  return nodes
    .filter((node) => stateOf(node) === "running" && node.socketPath !== null)
    .map((node) => connect(node));
}
