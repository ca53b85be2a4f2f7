/** The nodes of a testnet as later commands meet them. */
import { createClient, type Client } from "../src/control/client.ts";
import { CoterieError } from "../src/core/errors.ts";
import { isRunning } from "./process-identity.ts";
import type { NodeRecord } from "./record.ts";

/** A node whose process runs, with a client of its daemon. */
export type LiveNode = { readonly node: NodeRecord; readonly client: Client };

/** `ended`: its process is gone, though no command here has ended it. */
export type NodeState = "running" | "stopped" | "ended";

export function stateOf(node: NodeRecord): NodeState {
  if (node.process === null) return "stopped";
  return isRunning(node.process) ? "running" : "ended";
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
