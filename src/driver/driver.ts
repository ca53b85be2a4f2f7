/**
 * The loop that feeds inputs to the protocol machines and performs their effects. It is the same under every host: all
 * it knows of the world are the ports. One input is handled at a time, to its end, so the machines need no locks.
 */
import { toHex } from "../core/codec.ts";
import { toCoterieError, type CoterieError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type {
  Clock,
  Log,
  Metrics,
  Net,
  PeerName,
  PubSub,
  Random,
  Store,
  Verdict,
} from "../core/ports.ts";
import { Announcements } from "./announcements.ts";
import { Conducts, type Fault } from "./conduct.ts";
import { Duties } from "./duties.ts";
import { Inbox } from "./inbox.ts";
import { Lives } from "./lives.ts";
import { DriverPulls } from "./pulls.ts";
import { MeteredReplica } from "./replica.ts";
import { Sessions } from "./sessions.ts";
import { Writes, type WriteOptions } from "./writes.ts";
import { acceptEvent, encodeEvent, type AppEvent } from "../protocol/gossip/event.ts";
import { Admission } from "../protocol/gossip/admission.ts";
import { isAnnouncement } from "../protocol/gossip/announcement.ts";
import { decodeBundleMessage } from "../protocol/gossip/message.ts";
import {
  eventsTopic,
  membersTopic,
  namespaceOfTopic,
  stateTopic,
} from "../protocol/gossip/topics.ts";
import type { Roster } from "../protocol/membership/roster.ts";
import type { Write } from "../protocol/state/intent.ts";
import { peekBundle } from "../protocol/state/bundle-head.ts";
import { StateReplica } from "../protocol/state/replica.ts";
import type { LocalBatch, State } from "../protocol/state/state.ts";
import { Sync, type SyncStatus } from "../protocol/sync/sync.ts";

export type DriverParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly net: Net;
  readonly pubsub: PubSub;
  readonly state: State;
  readonly roster: Roster;
  readonly identity: Identity;
  readonly network: Uint8Array;
  readonly coalesceMs: number;
  readonly syncIntervalMs: () => number;
};

/** Namespaces whose topics every node is on, whether they hold anything yet or not. */
const namespacesAlways = ["default", "sys"];

type ChangeListener = (namespaces: readonly string[]) => void;

export class Driver {
  readonly #parts: DriverParts;
  readonly #sync: Sync;
  readonly #sessions: Sessions;
  readonly #inbox: Inbox;
  readonly #pulls: DriverPulls;
  readonly #announcements: Announcements;
  readonly #writes: Writes;
  readonly #duties: Duties;
  readonly #lives: Lives;
  readonly #conducts: Conducts;
  readonly #changeListeners = new Set<ChangeListener>();
  readonly #eventListeners = new Set<(event: AppEvent) => void>();
  #writable = true;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    const { net, random, roster, clock, state } = parts;
    const admission = new Admission();
    this.#conducts = new Conducts(parts);
    const charge: Conducts["charge"] = (peer, fault) => this.charge(peer, fault);
    const replica = new StateReplica(state, (error) => this.#stored(error));
    this.#sync = new Sync({
      self: net.self,
      replica: new MeteredReplica({ ...parts, replica, admission }),
      random,
      intervalMs: parts.syncIntervalMs,
      entriesIn: (bundle) => peekBundle(bundle)?.entries ?? 1,
      heard: () =>
        roster.lately(clock.wallMs()).map(({ peer, ageMs }) => ({ member: peer, ageMs })),
    });
    this.#sessions = new Sessions({
      ...parts,
      sync: this.#sync,
      charge,
      heard: (member, ageMs) => roster.heard(member, ageMs, clock.wallMs()),
    });
    const outcome = (error: CoterieError | undefined): void => this.#stored(error);
    this.#inbox = new Inbox({ ...parts, admission, charge, outcome });
    this.#pulls = new DriverPulls({ ...parts, charge });
    this.#announcements = new Announcements({
      ...parts,
      admission,
      pulls: this.#pulls,
      inbox: this.#inbox,
      behind: (peer) => this.#sessions.feed({ kind: "behind", peer }),
    });
    const publish = (batch: LocalBatch): void => void this.#publish(batch);
    this.#writes = new Writes({ ...parts, publish, outcome });
    this.#duties = new Duties({ ...parts, publish, outcome });
    this.#lives = new Lives({ ...parts, charge });
  }

  /** A peer misbehaved towards another part of the daemon. */
  charge(peer: PeerName, fault: Fault): void {
    this.#conducts.charge(peer, fault);
  }

  /** False while the last write to the store failed. */
  get writable(): boolean {
    return this.#writable;
  }

  /** Bytes are those of sessions. */
  syncStatus(): SyncStatus & { bytesIn: number; bytesOut: number } {
    return { ...this.#sync.status(), ...this.#sessions.traffic() };
  }

  /** Bytes of announced bodies that were pulled here, and from here. */
  pullTraffic(): { bytesIn: number; bytesOut: number } {
    return this.#pulls.traffic();
  }

  clockOffsetMs(): number | undefined {
    return this.#sessions.clockOffsetMs();
  }

  start(): void {
    const { net, pubsub, state, network, log, metrics } = this.#parts;
    state.listen({
      changed: (namespaces) => {
        for (const listener of this.#changeListeners) listener(namespaces);
      },
      forked: (author) => {
        log.warn("a writer signed two headers for one position", { author });
        metrics.count("state.forks");
      },
      namespace: (name) => pubsub.subscribe(stateTopic(network, name)),
      closed: (writer) => {
        log.warn(
          "somebody else signed as this node (a copy of its store?): it signs under a new nonce",
          {
            closed: toHex(writer),
            writer: toHex(state.writer),
          },
        );
        metrics.count("state.writers_closed");
      },
      duties: () => this.#duties.schedule(),
    });
    this.#duties.schedule();
    pubsub.onMessage((topic, data, from, sources) => this.#onMessage(topic, data, from, sources));
    for (const name of new Set([...namespacesAlways, ...state.namespaces()])) {
      pubsub.subscribe(stateTopic(network, name));
    }
    pubsub.subscribe(eventsTopic(network));
    pubsub.subscribe(membersTopic(network));
    this.#sessions.start();
    this.#pulls.start();
    this.#lives.start();
    net.onPeer((peer, up) => this.#onPeer(peer, up));
    for (const peer of net.connected()) this.#onPeer(peer, true);
  }

  /** Ends sessions and refuses what waits; the store and the network are stopped by their owner. */
  stop(): void {
    this.#inbox.stop();
    this.#writes.stop();
    this.#duties.stop();
    this.#pulls.stop();
    this.#sessions.stop();
    this.#lives.stop();
  }

  /** The roster has other members. */
  membersChanged(): void {
    this.#lives.feed({ kind: "members", peers: this.#parts.roster.present() });
  }

  /** A member that is not shown until it is alive again. */
  forget(peer: PeerName): void {
    this.#lives.forget(peer);
  }

  /** Tells the neighbours that this node leaves. */
  leave(): void {
    this.#lives.feed({ kind: "leave" });
  }

  /** See `Writes.write`. */
  write(
    namespace: string,
    writes: readonly Write[],
    signal?: AbortSignal,
    options?: WriteOptions,
  ): Promise<bigint> {
    return this.#writes.write(namespace, writes, signal, options);
  }

  /** Calls back after each change of the state; the returned function ends it. */
  onChange(listener: ChangeListener): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  onEvent(listener: (event: AppEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Number of peers the event was handed to. Subscribers on this node get it too. */
  async publishEvent(topic: string, data: Uint8Array): Promise<number> {
    const { clock, identity, network, pubsub, random } = this.#parts;
    const sentAtMs = clock.wallMs();
    const bytes = encodeEvent({ topic, data, sentAtMs }, network, identity, random.bytes(8));
    const peers = await pubsub.publish(eventsTopic(network), bytes);
    const event: AppEvent = { topic, author: identity.peer, sentAtMs, data };
    for (const listener of this.#eventListeners) listener(event);
    return peers;
  }

  /** What gossip does not carry to anybody (no neighbour is on the topic yet) is hinted at instead. */
  async #publish(batch: LocalBatch): Promise<void> {
    let peers = 0;
    try {
      peers = await this.#announcements.publish(batch);
    } catch (error) {
      const { message: reason } = toCoterieError(error);
      this.#parts.log.warn("a batch could not be published", { reason });
    }
    const isAlone = this.#parts.net.connected().length === 0;
    if (peers === 0 && !isAlone) this.#sessions.feed({ kind: "changed" });
  }

  /** Hears of every write to the store, local or from others. */
  #stored(error: CoterieError | undefined): void {
    if (error?.code.startsWith("STORE_") === true) {
      this.#parts.metrics.count(`store.${error.code.toLowerCase()}`);
      const { code, message } = error;
      if (this.#writable) {
        this.#parts.log.error("the store refuses writes", { code, reason: message });
      }
      this.#writable = false;
    } else if (error === undefined) {
      if (!this.#writable) this.#parts.log.info("the store takes writes again");
      this.#writable = true;
    }
  }

  #onMessage(
    topic: string,
    data: Uint8Array,
    from: PeerName,
    sources: () => readonly PeerName[],
  ): Verdict | Promise<Verdict> {
    if (topic === eventsTopic(this.#parts.network)) return this.#onEventMessage(data, from);
    if (topic === membersTopic(this.#parts.network)) return this.#lives.take(data, from);
    const namespace = namespaceOfTopic(this.#parts.network, topic);
    const bundle = decodeBundleMessage(data);
    if (namespace !== undefined && bundle !== undefined) {
      return this.#inbox.take(namespace, bundle, from);
    }
    if (namespace !== undefined && isAnnouncement(data)) {
      return this.#announcements.take(namespace, data, from, sources);
    }
    this.#parts.metrics.count("gossip.unknown_message");
    return "ignore";
  }

  #onEventMessage(data: Uint8Array, from: PeerName): Verdict {
    const accepted = acceptEvent(data, this.#parts.network, this.#parts.clock.wallMs());
    if ("verdict" in accepted) {
      this.#parts.metrics.count(`events.${accepted.verdict}`);
      this.#parts.log.debug("dropped an event", { from, reason: accepted.reason });
      return accepted.verdict;
    }
    for (const listener of this.#eventListeners) listener(accepted.event);
    return "accept";
  }

  #onPeer(peer: PeerName, up: boolean): void {
    this.#parts.roster.setConnected(peer, up, this.#parts.clock.wallMs());
    this.#sessions.feed({ kind: "peer", peer, up });
    this.#lives.feed({ kind: "peer", peer, up });
    if (!up) this.#pulls.lost(peer);
  }
}
