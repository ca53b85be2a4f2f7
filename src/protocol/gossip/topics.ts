/** Names of gossip topics. Each namespace has its own; plain events of applications share one, news of members another. */
import { toHex } from "../../core/codec.ts";

export function stateTopic(network: Uint8Array, namespace: string): string {
  return `/coterie/${toHex(network)}/state/${namespace}`;
}

export function eventsTopic(network: Uint8Array): string {
  return `/coterie/${toHex(network)}/events`;
}

/** Who is alive. */
export function membersTopic(network: Uint8Array): string {
  return `/coterie/${toHex(network)}/members`;
}

/** The namespace of a state topic of this network, or undefined. */
export function namespaceOfTopic(network: Uint8Array, topic: string): string | undefined {
  const prefix = stateTopic(network, "");
  return topic.startsWith(prefix) ? topic.slice(prefix.length) : undefined;
}
