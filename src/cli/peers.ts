import type { Peer } from "../control/schema.ts";
import { exitCodes } from "../core/errors.ts";
import { humanDuration, shortPeer } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import type { Run } from "./verb.ts";

const columns: readonly Column<Peer>[] = [
  { title: "NAME", plain: (peer) => peer.name ?? "-", widthMax: 24 },
  { title: "PEER", plain: (peer) => peer.peerId, human: (peer) => shortPeer(peer.peerId) },
  { title: "WAY", plain: (peer) => peer.direction, human: (peer) => peer.direction.slice(0, -5) },
  {
    title: "SINCE",
    plain: (peer) => String(peer.connectedMs),
    human: (peer) => humanDuration(peer.connectedMs),
    right: true,
  },
  {
    title: "RTT",
    plain: (peer) => (peer.rttMs === null ? "-" : String(peer.rttMs)),
    human: (peer) => (peer.rttMs === null ? "-" : `${peer.rttMs.toFixed(1)} ms`),
    right: true,
  },
  { title: "ADDRESS", plain: (peer) => peer.address },
];

export const peers: Run = async (call) => {
  const answer = await (await call.client()).peers(call.once);
  if (call.out.json) {
    await call.out.document(answer);
    return exitCodes.ok;
  }
  await call.out.list(columns, answer.peers);
  if (answer.peers.length === 0) call.out.aside(`no peers yet; see ${call.command("doctor")}`);
  return exitCodes.ok;
};
