/**
 * The `PubSub` port over the gossip router. The one receiver runs inside the topic validator, so it runs once per
 * message and before the message is relayed; while its verdict is awaited, those who send duplicates are noted, since
 * each of them has what the message announces. Small messages go to every subscriber at once (latency), larger ones to
 * the mesh (bytes). The router handles the messages of one packet without a turn of the loop between them, so once
 * they have taken a while the rest waits for the next turn.
 */
import { TopicValidatorResult } from "@chainsafe/libp2p-gossipsub";
import type { RPC } from "@chainsafe/libp2p-gossipsub/message";
import type { PeerId } from "@libp2p/interface";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type {
  Clock,
  GossipReceiver,
  Log,
  Metrics,
  PeerName,
  PubSub,
  Verdict,
} from "../../core/ports.ts";
import { messageId, nameOfId, type GossipRouter } from "./gossip-router.ts";
import { topicScore } from "./gossip-score.ts";
import { TurnBudget } from "./turn-budget.ts";

const results: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

export type GossipParts = {
  readonly router: GossipRouter;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  /** Drops a peer's connections. */
  disconnect(peer: PeerId): void;
};

export class Gossip implements PubSub {
  readonly #router: GossipRouter;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #disconnect: (peer: PeerId) => void;
  readonly #topics = new Set<string>();
  /** Senders of messages whose verdict is awaited, by message id. */
  readonly #awaited = new Map<string, Set<PeerName>>();
  #receive: GossipReceiver = () => "ignore";
  readonly #budget: TurnBudget;
  /** Messages that wait for a turn of the loop. */
  #deferred = 0;

  constructor(parts: GossipParts) {
    this.#router = parts.router;
    this.#metrics = parts.metrics;
    this.#log = parts.log;
    this.#budget = new TurnBudget(parts.clock, limits.gossipTurnMs);
    this.#disconnect = parts.disconnect;
    this.#countFaults();
    this.#noteDuplicates();
  }

  subscribe(topic: string): void {
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.#router.score.params.topics[topic] = topicScore;
    this.#router.topicValidators.set(topic, (from, message) =>
      this.#validate(topic, message.data, from.toString()),
    );
    this.#router.subscribe(topic);
  }

  async publish(topic: string, data: Uint8Array, reach: "all" | "mesh" = "all"): Promise<number> {
    if (data.length > limits.gossipMessageBytesMax) {
      throw new CoterieError(
        "TOO_LARGE",
        `a gossip message has at most ${limits.gossipMessageBytesMax} bytes; this one has ${data.length}`,
      );
    }
    const floodPublish = reach === "all" && data.length <= limits.gossipFloodBytesMax;
    const options = { floodPublish };
    const { recipients } = await (this.#router as Publisher).publish(topic, data, options);
    this.#metrics.count("gossip.published");
    return recipients.length;
  }

  onMessage(handler: GossipReceiver): void {
    this.#receive = handler;
  }

  topics(): { topic: string; meshPeers: number; subscribers: number }[] {
    return [...this.#topics].map((topic) => ({
      topic,
      meshPeers: this.#router.getMeshPeers(topic).length,
      subscribers: this.#router.getSubscribers(topic).length,
    }));
  }

  #validate(
    topic: string,
    data: Uint8Array,
    from: PeerName,
  ): TopicValidatorResult | Promise<TopicValidatorResult> {
    if (data.length > limits.gossipMessageBytesMax) {
      this.#metrics.count("gossip.oversize");
      return TopicValidatorResult.Reject;
    }
    this.#metrics.count("gossip.received");
    // a Buffer's slice() is no copy, so the port gives out none
    const plain = new Uint8Array(data.buffer, data.byteOffset, data.length);
    return this.#budget.isSpent
      ? this.#validateLater(topic, plain, from)
      : this.#validateNow(topic, plain, from);
  }

  async #validateLater(
    topic: string,
    data: Uint8Array,
    from: PeerName,
  ): Promise<TopicValidatorResult> {
    if (this.#deferred >= limits.gossipDeferredMax) {
      this.#metrics.count("gossip.overloaded");
      return TopicValidatorResult.Ignore;
    }
    this.#deferred++;
    return this.#budget.whenFree(() => {
      this.#deferred--;
      return this.#validateNow(topic, data, from);
    });
  }

  #validateNow(
    topic: string,
    data: Uint8Array,
    from: PeerName,
  ): TopicValidatorResult | Promise<TopicValidatorResult> {
    const senders = new Set([from]);
    const verdict = this.#budget.run(() => this.#judge(topic, data, from, () => [...senders]));
    if (typeof verdict === "string") return this.#result(verdict);
    const name = nameOfId(messageId({ topic, data }));
    this.#awaited.set(name, senders);
    return verdict
      .catch((error: unknown) => this.#failed(error))
      .then((later) => this.#result(later))
      .finally(() => this.#awaited.delete(name));
  }

  #judge(
    topic: string,
    data: Uint8Array,
    from: PeerName,
    sources: () => readonly PeerName[],
  ): Verdict | Promise<Verdict> {
    try {
      return this.#receive(topic, data, from, sources);
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): Verdict {
    this.#metrics.count("gossip.receiver_failed");
    this.#log.error("the receiver of gossip failed", { reason: toCoterieError(error).message });
    return "ignore";
  }

  #result(verdict: Verdict): TopicValidatorResult {
    if (verdict !== "accept") this.#metrics.count(`gossip.${verdict}`);
    return results[verdict];
  }

  #noteDuplicates(): void {
    const { score } = this.#router;
    const duplicate = score.duplicateMessage.bind(score);
    score.duplicateMessage = (from, id, topic) => {
      duplicate(from, id, topic);
      this.#metrics.count("gossip.duplicates");
      this.#awaited.get(id)?.add(from);
    };
  }

  /** Counts what the router drops without a word, and drops messages of topics that this node does not follow. */
  #countFaults(): void {
    const router = this.#router;
    const decode = router.decodeRpc.bind(router);
    const streamFailed = router.handlePeerReadStreamError.bind(router);
    const receive = router.handleReceivedRpc.bind(router);
    router.decodeRpc = (bytes) => {
      try {
        return decode(bytes);
      } catch (error) {
        this.#metrics.count("gossip.malformed");
        throw error;
      }
    };
    router.handlePeerReadStreamError = (error, peer) => {
      streamFailed(error, peer);
      if (error.name !== "InvalidDataLengthError") return; // the stream or the connection died
      // nobody honest does this, and gossipsub would leave the stream open and unread
      this.#metrics.count("gossip.oversize");
      this.#disconnect(peer);
    };
    router.handleReceivedRpc = (from, rpc) => receive(from, this.#screened(from, rpc));
  }

  #screened(from: PeerId, rpc: RPC): RPC {
    if (rpc.messages.length === 0) return rpc;
    const messages = rpc.messages.filter((message) => this.#isWanted(message));
    if (messages.length < rpc.messages.length) {
      this.#log.debug("dropped gossip messages", { from: from.toString() });
    }
    return { ...rpc, messages };
  }

  #isWanted(message: RPC.Message): boolean {
    if (!this.#topics.has(message.topic)) {
      this.#metrics.count("gossip.unsubscribed");
      return false;
    }
    const signed = message.signature ?? message.seqno ?? message.key ?? message.from;
    if (signed === undefined) return true;
    this.#metrics.count("gossip.malformed");
    return false;
  }
}

/** The router takes options that its interface does not name. */
type Publisher = {
  publish(
    topic: string,
    data: Uint8Array,
    options: { floodPublish: boolean },
  ): Promise<{ recipients: PeerId[] }>;
};
