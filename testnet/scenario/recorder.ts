/** Watches a testnet while a scenario runs: what every node shows, and which faults hold. */
import { setTimeout as sleep } from "node:timers/promises";
import { formatNodeSet } from "../node-set.ts";
import { connect, stateOf, type LiveNode, type NodeState } from "../nodes.ts";
import { readRecord, type NodeRecord } from "../record.ts";
import { faultsNow, type FaultNow } from "./faults-now.ts";
import type { FaultSpan, History, Lane, Stretch } from "./history.ts";

/** Of one node. Asking is work for it, so that large testnets are asked less often. */
const everyMsMin = 250;
const everyMsPerNode = 20;
/** A node that takes longer is silent. */
const answerMs = 1_500;

type Shown = Pick<Stretch, "state" | "digest" | "entries">;
type Begun = FaultNow & { readonly fromMs: number };

export class Recorder {
  readonly #dir: string;
  readonly #startedAt: number;
  readonly #everyMs: number;
  readonly #stretches: Stretch[][];
  readonly #clients = new Map<string, LiveNode>();
  readonly #loops: Promise<void>[];
  readonly #holding = new Map<string, Begun>();
  readonly #ended: (Begun & { readonly toMs: number })[] = [];
  #states: NodeState[] = [];
  readonly #stopping = new AbortController();

  /** Begins at once; `startedAt` is on the clock of `performance.now`. */
  constructor(dir: string, startedAt: number) {
    this.#dir = dir;
    this.#startedAt = startedAt;
    const { nodes } = readRecord(dir).record;
    this.#everyMs = Math.max(everyMsMin, everyMsPerNode * nodes.length);
    this.#stretches = nodes.map(() => []);
    this.look();
    this.#loops = [this.#lookOn(), ...nodes.map(({ index }) => this.#watch(index))];
  }

  /** Takes down which faults hold now. */
  look(): void {
    const { record } = readRecord(this.#dir);
    this.#states = record.nodes.map(stateOf);
    const found = new Map(
      faultsNow(record, this.#states).map((fault) => [`${fault.kind} ${fault.label}`, fault]),
    );
    const now = this.#now();
    for (const [key, begun] of this.#holding) {
      if (found.has(key)) continue;
      this.#holding.delete(key);
      this.#ended.push({ ...begun, toMs: now });
    }
    for (const [key, fault] of found) {
      if (!this.#holding.has(key)) this.#holding.set(key, { ...fault, fromMs: now });
    }
  }

  /** Resolves when every node was asked once more. */
  async stop(): Promise<History> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
    this.look();
    await Promise.all(this.#stretches.map((_, index) => this.#ask(index)));
    const endMs = this.#now();
    const faults = [
      ...this.#ended,
      ...[...this.#holding.values()].map((begun) => ({ ...begun, toMs: endMs })),
    ];
    const lanes = this.#stretches.map((stretches, node): Lane => ({
      node,
      stretches: closed(stretches, endMs),
    }));
    return { lanes, faults: together(faults) };
  }

  #now(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  async #lookOn(): Promise<void> {
    while (await this.#pause(this.#everyMs)) this.look();
  }

  /** All nodes are asked at the same times, so that those that agree are seen to. */
  async #watch(index: number): Promise<void> {
    do await this.#ask(index);
    while (await this.#pause(this.#everyMs - (this.#now() % this.#everyMs)));
  }

  /** False when it is over. */
  async #pause(ms: number): Promise<boolean> {
    const { signal } = this.#stopping;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  async #ask(index: number): Promise<void> {
    const fromMs = this.#now();
    const shown = await this.#shownBy(index);
    const stretches = this.#stretches[index] ?? [];
    const last = stretches.at(-1);
    if (last !== undefined && last.state === shown.state && last.digest === shown.digest) {
      stretches[stretches.length - 1] = { ...last, ...shown, toMs: fromMs };
    } else {
      stretches.push({ fromMs, toMs: fromMs, ...shown });
    }
  }

  async #shownBy(index: number): Promise<Shown> {
    const node = readRecord(this.#dir).record.nodes[index];
    const state = this.#states[index];
    const nothing = { digest: null, entries: null };
    if (node === undefined || state === "stopped" || state === "ended") {
      return { state: "stopped", ...nothing };
    }
    if (state === "paused") return { state, ...nothing };
    if (node.socketPath === null) return { state: "silent", ...nothing };
    try {
      const status = await this.#connect(node).client.status({ timeoutMs: answerMs });
      const { digest, entries } = status.state;
      return { state: "answers", digest, entries };
    } catch {
      return { state: "silent", ...nothing }; // which is what the lane shows
    }
  }

  /** One client for as long as the socket stays, so that connections are kept. */
  #connect(node: NodeRecord): LiveNode {
    const path = node.socketPath ?? "";
    const found = this.#clients.get(path) ?? connect(node);
    this.#clients.set(path, found);
    return found;
  }
}

/** Each up to where the next begins. */
function closed(stretches: readonly Stretch[], endMs: number): Stretch[] {
  return stretches.map((stretch, at) => ({
    ...stretch,
    toMs: stretches[at + 1]?.fromMs ?? endMs,
  }));
}

/** Faults of single nodes that begin and end together are one. */
function together(faults: readonly (Begun & { readonly toMs: number })[]): FaultSpan[] {
  const groups = Map.groupBy(faults, ({ kind, fromMs, toMs, node }) =>
    node === null ? Symbol("alone") : `${kind} ${fromMs} ${toMs}`,
  );
  return [...groups.values()]
    .map((same): FaultSpan => {
      const { kind, label, fromMs, toMs } = same[0]!;
      const nodes = same.flatMap(({ node }) => node ?? []).toSorted((a, b) => a - b);
      const text = nodes.length === 0 ? label : `${kind} ${formatNodeSet(nodes)}`;
      return { kind, label: text, fromMs, toMs };
    })
    .toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
}
