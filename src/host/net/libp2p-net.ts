/**
 * The host's network: the ports `Net` and `PubSub` over libp2p 3 (TCP, Noise gated by the network's secret, yamux,
 * kad-dht, gossipsub, mDNS). `net-parts.ts` shows what it is made of; each part's own page says how it works.
 */
import { assemble } from "./net-parts.ts";
import type { NetOptions, RunningNet } from "./net-types.ts";
import { Libp2pNet } from "./running-net.ts";

export type { LinkShape, NetOptions, Peer, RunningNet } from "./net-types.ts";

/** Resolves as soon as the listeners are up. Throws `NO_ADDRESS` when they cannot be. */
export async function startNet(options: NetOptions): Promise<RunningNet> {
  const net = new Libp2pNet(await assemble(options));
  await net.start();
  return net;
}
