/** Injected faults between the API's shape and the network's. */
import type { Faults } from "../control/schema.ts";
import { CoterieError } from "../core/errors.ts";
import type { RunningNet } from "../host/net/libp2p-net.ts";

type FaultyNet = Pick<RunningNet, "setBlocked" | "blocked" | "setShapes" | "shapes">;

/** These and no others. Rejects `FAULTS_DISABLED`, and `BAD_REQUEST` for what is no peer id or named twice. */
export async function setFaults(
  net: FaultyNet,
  { blockedPeers, links = [] }: Faults,
): Promise<void> {
  const shapes = new Map(links.map(({ peerId, ...shape }) => [peerId, shape]));
  if (shapes.size < links.length) {
    throw new CoterieError("BAD_REQUEST", "a peer is named by two links");
  }
  net.setShapes(shapes);
  await net.setBlocked(blockedPeers);
}

export function faultsOf(net: FaultyNet): Faults {
  const links = [...net.shapes()].map(([peerId, shape]) => ({ peerId, ...shape }));
  return { blockedPeers: [...net.blocked()], links };
}
