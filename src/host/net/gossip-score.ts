/**
 * Scores of gossipsub peers (gossipsub v1.1 specification, "Peer scoring"), set for a private network: time in the
 * mesh and first deliveries earn a little, invalid messages cost much. Mesh delivery rates are not scored, because a
 * quiet group has none, and peers that share a loopback or private IP are not punished for it, because a testnet or a
 * home does.
 */
import type { PeerScoreParams, TopicScoreParams } from "@chainsafe/libp2p-gossipsub/score";
import { isPrivateIp } from "@libp2p/utils";

/** Four rejected messages within a few seconds reach the default graylist threshold of -80. */
export const topicScore: TopicScoreParams = {
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 600,
  firstMessageDeliveriesWeight: 0.5,
  firstMessageDeliveriesDecay: 0.9,
  firstMessageDeliveriesCap: 20,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: -6,
  invalidMessageDeliveriesDecay: 0.95,
};

/** gossipsub asks a set whether it has an IP; this one has all loopback and private ones. */
class PrivateRanges extends Set<string> {
  override has(ip: string): boolean {
    return isPrivateIp(ip) === true;
  }
}

export const peerScore: Partial<PeerScoreParams> = {
  topicScoreCap: 20,
  IPColocationFactorWhitelist: new PrivateRanges(),
  // a peer whose clock or loop stutters grafts early now and then; only a habit costs
  behaviourPenaltyThreshold: 6,
  behaviourPenaltyDecay: 0.9,
  retainScore: 600_000,
};
