/**
 * Batches on their way through gossip: small ones inline, larger ones announced and pulled. A node that hears an
 * announcement pulls the body, judges it, and only then relays the announcement, so whoever announced a body has it, and
 * a body crosses each node about once.
 */
import { badFormat, bytesName, equalBytes } from "../core/codec.ts";
import { toCoterieError } from "../core/errors.ts";
import { sha256 } from "../core/identity.ts";
import { limits } from "../core/limits.ts";
import type { Clock, Log, Metrics, PeerName, PubSub, Verdict } from "../core/ports.ts";
import type { Inbox } from "./inbox.ts";
import type { DriverPulls } from "./pulls.ts";
import type { Admission } from "../protocol/gossip/admission.ts";
import {
  decodeAnnouncement,
  encodeAnnouncement,
  type Announcement,
} from "../protocol/gossip/announcement.ts";
import { encodeBundleMessage } from "../protocol/gossip/message.ts";
import { stateTopic } from "../protocol/gossip/topics.ts";
import { decodeBatchHead, joinBatch, splitBatch } from "../protocol/state/batch-body.ts";
import { verifyHeader, type Header } from "../protocol/state/header.ts";
import { stampLimit, stampMs } from "../protocol/state/stamp.ts";
import type { LocalBatch } from "../protocol/state/state.ts";

export type AnnouncementsParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pubsub: PubSub;
  readonly network: Uint8Array;
  readonly admission: Admission;
  readonly pulls: DriverPulls;
  readonly inbox: Inbox;
  /** What the peer announced was not got from it: it is to be reconciled with. */
  readonly behind: (peer: PeerName) => void;
};

export class Announcements {
  readonly #parts: AnnouncementsParts;

  constructor(parts: AnnouncementsParts) {
    this.#parts = parts;
  }

  /** Number of peers it was handed to. */
  async publish({ namespace, bundle }: LocalBatch): Promise<number> {
    const { pubsub, network, pulls } = this.#parts;
    const topic = stateTopic(network, namespace);
    const { head, body } = splitBatch(bundle);
    const message = encodeBundleMessage(bundle);
    if (message !== undefined && bundle.length - head.length <= limits.gossipInlineBytesMax) {
      return pubsub.publish(topic, message);
    }
    const hash = sha256(body);
    pulls.keep(hash, body);
    return pubsub.publish(topic, encodeAnnouncement({ head, size: body.length, hash }), "mesh");
  }

  /** Judges by what the announcement says; what passes is pulled, and judged as a bundle. */
  take(
    namespace: string,
    data: Uint8Array,
    from: PeerName,
    sources: () => readonly PeerName[],
  ): Verdict | Promise<Verdict> {
    let announcement: Announcement;
    let header: Header;
    try {
      announcement = decodeAnnouncement(data);
      header = this.#sound(announcement, namespace);
    } catch (error) {
      const { code, message: reason } = toCoterieError(error);
      return this.#parts.inbox.rejected(from, { code, reason });
    }
    const { clock, metrics } = this.#parts;
    const why = this.#notNow(header, from);
    if (why === undefined) return this.#pull(namespace, announcement, from, sources);
    metrics.count(`gossip.${why}`);
    if (header.stamp <= stampLimit(clock.wallMs())) this.#parts.behind(from);
    return "ignore";
  }

  /** Throws for what every node would see in the bytes. */
  #sound({ head, size }: Announcement, namespace: string): Header {
    const { header, encoded, signature } = decodeBatchHead(head);
    const ours = equalBytes(header.network, this.#parts.network) && header.namespace === namespace;
    if (!ours) badFormat("of another network or namespace");
    if (size === 0 || size > limits.syncBundleBytesMax) badFormat("a body out of range");
    if (!verifyHeader(encoded, header.author, signature)) badFormat("wrong signature");
    return header;
  }

  /** What is of the future or long past is left to reconciliation, which holds it back or knows that it is known. */
  #notNow({ author, count, stamp }: Header, from: PeerName): string | undefined {
    const { admission, clock } = this.#parts;
    const wallMs = clock.wallMs();
    if (stamp > stampLimit(wallMs)) return "future";
    if (wallMs - stampMs(stamp) > limits.freshMs) return "stale";
    const load = { author: bytesName(author), entries: count };
    return admission.gossip(from, load, clock.monotonicMs());
  }

  async #pull(
    namespace: string,
    { head, size, hash }: Announcement,
    from: PeerName,
    sources: () => readonly PeerName[],
  ): Promise<Verdict> {
    const { inbox, pulls, behind } = this.#parts;
    const copy = new Uint8Array(head); // the message is not kept meanwhile
    const wanted = { hash: new Uint8Array(hash), size, from, sources };
    const body = await pulls.pull(wanted);
    if (body === undefined) {
      behind(from);
      return "ignore";
    }
    let bundle: Uint8Array;
    try {
      bundle = joinBatch(copy, body);
    } catch (error) {
      const { code, message: reason } = toCoterieError(error);
      return inbox.rejected(from, { code, reason });
    }
    const verdict = inbox.judge(namespace, bundle, from);
    if (verdict === "accept") pulls.keep(wanted.hash, body);
    return verdict;
  }
}
