/** What the literature lets one expect of a group of `nodes`. */
import { limits } from "../../../src/core/limits.ts";
import { costs, waits } from "./costs.ts";

/**
 * Rounds until a rumour that everybody tells to one member a round, drawn at random, has reached all (B. Pittel, "On
 * spreading a rumor", SIAM J. Appl. Math. 47, 1987).
 */
export function rumourRounds(nodes: number): number {
  return Math.log2(nodes) + Math.log(nodes);
}

/** Hops to the last node: first to all connections of the writer, then through a mesh, each hop to all peers but one. */
export function meshHops(nodes: number, connections: number, meshPeers: number): number {
  const beyond = Math.max(1, nodes / (connections + 1));
  return 1 + Math.log(beyond) / Math.log(meshPeers - 1);
}

/**
 * Copies that a node gets. Its mesh peers relay to it, but for those that have the message from it; and the writer sends
 * to all of its connections, which then have it from nobody in their mesh.
 */
export function copiesExpected(nodes: number, connections: number, meshPeers: number): number {
  const direct = Math.min(1, connections / (nodes - 1));
  return meshPeers - (1 - direct) + direct - (direct * meshPeers) / connections;
}

/** What a write costs before it is sent, and after it was heard. */
export const fixedMs = waits.coalesceMs + costs.writeMs + waits.relayMs + costs.applyMs;

/** One hop: the mean way, judging, and half of the copies that are sent. */
export function hopMs(linkMs: number, peers: number): number {
  return linkMs + costs.judgeMs + (costs.sendMs * peers) / 2;
}

/**
 * SWIM's expected time until somebody probes a dead member, e/(e-1) periods (Das, Gupta, Motivala, DSN 2002); with the
 * times to answer, to ask others and to refute that this program has.
 */
export function swimMs(): number {
  const period = limits.probeIntervalMs;
  const sure = limits.probeAnswerMs + limits.probeHelpMs + limits.suspicionMs;
  return (Math.E / (Math.E - 1)) * period + sure;
}
