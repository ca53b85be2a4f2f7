/**
 * Asks members for a sign of life: directly, and when none comes, through two others. It knows nothing of what the
 * members stand for; it is told whom to look after, and says who gave no sign.
 */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { Health } from "./health.ts";
import type { ProbeFrame } from "./probe-frames.ts";

export type ProberParts = {
  readonly health: Health;
  readonly firstNumber: number;
  isConnected(peer: PeerName): boolean;
  keyOf(peer: PeerName): Uint8Array | undefined;
  /** Connected members that may be asked about this one, the best first. */
  helpersFor(peer: PeerName): readonly PeerName[];
  send(peer: PeerName, frame: ProbeFrame): void;
  /** Neither it nor anybody asked about it gave a sign. */
  unreachable(peer: PeerName): void;
};

type Probe = {
  readonly peer: PeerName;
  /** Not one of those to look after: to be looked for once. */
  once: boolean;
  /** Of `rest`, when to ask; of the others, when to give up. */
  dueMs: number;
  /** After one without a sign. */
  restMs: number;
  phase: "rest" | "direct" | "helped";
  sentMs: number;
  direct: number;
  helped: number;
  /** Those asked who did not say that they cannot reach it either. */
  readonly awaited: Set<PeerName>;
};

/** A ping on behalf of another. */
type Errand = {
  readonly target: PeerName;
  readonly from: PeerName;
  readonly number: number;
  readonly dueMs: number;
};

export class Prober {
  readonly #parts: ProberParts;
  readonly #probes = new Map<PeerName, Probe>();
  readonly #errands = new Map<number, Errand>();
  #number: number;

  constructor(parts: ProberParts) {
    this.#parts = parts;
    this.#number = parts.firstNumber;
  }

  /** Looks after exactly these; the phases of new ones are spread by `spread` (0 to 1). */
  watch(peers: ReadonlySet<PeerName>, nowMs: number, spread: () => number): void {
    for (const [peer, probe] of this.#probes) {
      if (!peers.has(peer) && !probe.once) this.#probes.delete(peer);
    }
    for (const peer of peers) {
      const probe = this.#probes.get(peer);
      if (probe !== undefined) probe.once = false;
      else this.#add(peer, false, this.#firstMs(peer, nowMs) + spread() * limits.probeIntervalMs);
    }
  }

  /** A connection to whom this node begins to watch is wanted, and may take a while. */
  #firstMs(peer: PeerName, nowMs: number): number {
    return this.#parts.isConnected(peer) ? nowMs : nowMs + limits.watchConnectMs;
  }

  isWatched(peer: PeerName): boolean {
    return this.#probes.get(peer)?.once === false;
  }

  /** Looks for a member at `atMs`, or whenever it would have been. */
  lookFor(peer: PeerName, atMs: number): void {
    const probe = this.#probes.get(peer);
    if (probe === undefined) {
      this.#add(peer, true, atMs);
    } else {
      probe.phase = "rest";
      probe.dueMs = atMs;
    }
  }

  /** It gave a sign of life by itself. */
  met(peer: PeerName, nowMs: number): void {
    const probe = this.#probes.get(peer);
    if (probe !== undefined) this.#answered(probe, nowMs);
  }

  frame(peer: PeerName, frame: Exclude<ProbeFrame, { kind: "table" }>, nowMs: number): void {
    switch (frame.kind) {
      case "ping":
        this.#parts.send(peer, { kind: "ack", number: frame.number });
        return;
      case "ack":
        this.#acked(peer, frame.number, nowMs);
        return;
      case "nack":
        this.#nacked(peer, frame.number, nowMs);
    }
  }

  /** Somebody asks for a ping of `target`; undefined when that is nobody known here. */
  ask(from: PeerName, number: number, target: PeerName | undefined, nowMs: number): void {
    const { send, isConnected } = this.#parts;
    const hasRoom = this.#errands.size < limits.probesForOthersMax;
    if (target === undefined || !isConnected(target) || !hasRoom) {
      send(from, { kind: "nack", number });
      return;
    }
    const own = this.#next();
    this.#errands.set(own, { target, from, number, dueMs: nowMs + limits.probeAskedMs });
    send(target, { kind: "ping", number: own });
  }

  tick(nowMs: number): void {
    for (const probe of this.#probes.values()) {
      if (nowMs < probe.dueMs) continue;
      if (probe.phase === "rest") this.#begin(probe, nowMs);
      else if (probe.phase === "direct") this.#askHelpers(probe, nowMs);
      else this.#failed(probe, nowMs, true);
    }
    for (const [own, { from, number, dueMs }] of this.#errands) {
      if (nowMs < dueMs) continue;
      this.#errands.delete(own);
      this.#parts.send(from, { kind: "nack", number });
    }
  }

  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#probes.values()) next = Math.min(next, dueMs);
    for (const { dueMs } of this.#errands.values()) next = Math.min(next, dueMs);
    return next;
  }

  /** This process stood still: whatever is awaited may have come and be waiting to be read. All is asked anew. */
  restart(nowMs: number): void {
    for (const probe of this.#probes.values()) {
      probe.phase = "rest";
      probe.dueMs = Math.max(probe.dueMs, nowMs + limits.lostWatchedMs);
    }
    this.#errands.clear();
  }

  #add(peer: PeerName, once: boolean, dueMs: number): void {
    const restMs = limits.probeIntervalMs;
    const fresh = { peer, once, dueMs, restMs, phase: "rest", sentMs: 0, direct: 0 } as const;
    this.#probes.set(peer, { ...fresh, helped: 0, awaited: new Set() });
  }

  #next(): number {
    this.#number = (this.#number + 1) >>> 0;
    return this.#number;
  }

  #begin(probe: Probe, nowMs: number): void {
    const { health, isConnected, send } = this.#parts;
    if (!isConnected(probe.peer)) {
      this.#askHelpers(probe, nowMs);
      return;
    }
    probe.phase = "direct";
    probe.sentMs = nowMs;
    probe.direct = this.#next();
    probe.dueMs = nowMs + limits.probeAnswerMs * health.patience;
    send(probe.peer, { kind: "ping", number: probe.direct });
  }

  #askHelpers(probe: Probe, nowMs: number): void {
    const { health, helpersFor, keyOf, send } = this.#parts;
    const target = keyOf(probe.peer);
    const helpers = target === undefined ? [] : helpersFor(probe.peer);
    if (target === undefined || helpers.length === 0) {
      this.#failed(probe, nowMs, false);
      return;
    }
    if (probe.phase === "rest") probe.sentMs = nowMs;
    probe.phase = "helped";
    probe.helped = this.#next();
    probe.dueMs = nowMs + limits.probeHelpMs * health.patience;
    probe.awaited.clear();
    for (const helper of helpers.slice(0, limits.probeHelpers)) {
      probe.awaited.add(helper);
      send(helper, { kind: "ask", number: probe.helped, target });
    }
  }

  /** The answer of the member itself, of one asked about it, or to an errand. */
  #acked(from: PeerName, number: number, nowMs: number): void {
    const errand = this.#errands.get(number);
    if (errand !== undefined && errand.target === from) {
      this.#errands.delete(number);
      this.#parts.send(errand.from, { kind: "ack", number: errand.number });
      return;
    }
    const own = this.#probes.get(from);
    if (own !== undefined && own.phase !== "rest" && own.direct === number) {
      this.#answered(own, nowMs);
      return;
    }
    const probe = this.#helpedBy(from, number);
    if (probe !== undefined) this.#answered(probe, nowMs);
  }

  #nacked(from: PeerName, number: number, nowMs: number): void {
    const probe = this.#helpedBy(from, number);
    if (probe === undefined) return;
    probe.awaited.delete(from);
    if (probe.awaited.size === 0) this.#failed(probe, nowMs, false);
  }

  #helpedBy(helper: PeerName, number: number): Probe | undefined {
    for (const probe of this.#probes.values()) {
      if (probe.phase === "helped" && probe.helped === number && probe.awaited.has(helper)) {
        return probe;
      }
    }
    return undefined;
  }

  #answered(probe: Probe, nowMs: number): void {
    if (probe.phase !== "rest") this.#parts.health.good();
    if (this.#parts.isConnected(probe.peer)) probe.restMs = limits.probeIntervalMs;
    this.#rest(probe, Math.max(nowMs, probe.sentMs + probe.restMs));
  }

  /**
   * Helpers who say nothing at all cast doubt on this node rather than on the member. One that this node cannot connect to,
   * as behind an address translator, refutes each time: it is accused less and less often.
   */
  #failed(probe: Probe, nowMs: number, silent: boolean): void {
    const { health, isConnected } = this.#parts;
    if (silent) health.doubt();
    this.#rest(probe, nowMs + probe.restMs);
    if (!isConnected(probe.peer)) probe.restMs = Math.min(limits.watchRestMsMax, 2 * probe.restMs);
    this.#parts.unreachable(probe.peer);
  }

  #rest(probe: Probe, dueMs: number): void {
    probe.phase = "rest";
    probe.dueMs = dueMs;
    if (probe.once) this.#probes.delete(probe.peer);
  }
}
