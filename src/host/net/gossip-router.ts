/**
 * gossipsub 17 as this network uses it. Messages are unsigned (our batches carry their authors' signatures) and
 * named by content. Lost messages are not gossipped about lazily (no IHAVE and IWANT): reconciliation repairs them
 * anyway, and under load the same bytes would be asked for twice and answered in one message of any size.
 */
import { gossipsub, StrictNoSign, type GossipSub } from "@chainsafe/libp2p-gossipsub";
import type { RPC } from "@chainsafe/libp2p-gossipsub/message";
import type { PeerScoreParams } from "@chainsafe/libp2p-gossipsub/score";
import type { PeerId } from "@libp2p/interface";
import { encodeUtf8, Writer } from "../../core/codec.ts";
import { sha256 } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import { peerScore } from "./gossip-score.ts";

/** Parts of the router's class that its interface does not name; a test holds them to the pinned version. */
export type GossipRouter = GossipSub & {
  readonly peers: ReadonlyMap<string, PeerId>;
  readonly streamsOutbound: ReadonlyMap<string, unknown>;
  readonly score: {
    readonly params: PeerScoreParams;
    /** Hears of each copy after the first; the id is that of `msgIdToStrFn`. */
    duplicateMessage(from: string, id: string, topic: string): void;
  };
  getMeshPeers(topic: string): string[];
  decodeRpc(bytes: Uint8Array): RPC;
  handlePeerReadStreamError(error: Error, peer: PeerId): void;
  handleReceivedRpc(from: PeerId, rpc: RPC): Promise<void>;
};

export const gossipProtocol = "/meshsub/1.2.0";
const messageIdBytes = 20;

/** The first 20 bytes of SHA-256(length-prefixed topic, data). */
export function messageId(message: { topic: string; data: Uint8Array }): Uint8Array {
  const named = new Writer().prefixed(encodeUtf8(message.topic)).bytes(message.data);
  return sha256(named.view()).subarray(0, messageIdBytes);
}

/** A message id as the router names it in its tables. */
export function nameOfId(id: Uint8Array): string {
  return Buffer.from(id).toString("latin1");
}

export const gossipRouter = gossipsub({
  globalSignaturePolicy: StrictNoSign,
  msgIdFn: messageId,
  msgIdToStrFn: nameOfId,
  seenTTL: limits.gossipSeenMs,
  emitSelf: false,
  allowPublishToZeroTopicPeers: true,
  ignoreDuplicatePublishError: true,
  fallbackToFloodsub: false,
  floodPublish: false,
  batchPublish: true,
  tagMeshPeers: true,
  doPX: false,
  // every node gets about as many copies of a message as its mesh has peers, and they are most of gossip's CPU;
  // what a thinner mesh may miss, reconciliation brings
  D: 4,
  Dlo: 3,
  Dhi: 8,
  Dscore: 2,
  Dout: 1,
  Dlazy: 0,
  gossipFactor: 0,
  // without lazy gossip nobody reads the message cache
  mcacheLength: 1,
  mcacheGossip: 1,
  // a small duplicate costs less than telling everyone not to send it
  idontwantMinDataSize: 4_096,
  maxInboundDataLength: limits.gossipRpcBytesMax,
  maxOutboundBufferSize: limits.gossipQueueBytesMax,
  maxInboundStreams: 4,
  maxOutboundStreams: 4,
  maxTopicBytesPerPeer: 512 * 1_024,
  scoreParams: peerScore,
});
