/**
 * The policies, each a function of the candidates and what is known of them.
 *
 * Round robin is nginx's smooth weighted one. `latency` draws two and takes the one whose moving average, times what it
 * has open already, is lower (power of two choices: Mitzenmacher 2001; the weighing by open requests is Finagle's peak
 * EWMA). `hash` is weighted rendezvous hashing (Schindelhauer and Schomaker 2005), so that a provider that goes moves
 * only its own clients.
 */
import { createHash } from "node:crypto";
import type { PeerName, Random } from "../../../core/ports.ts";
import type { Policy } from "./policy.ts";
import type { ProviderLoad } from "./provider-load.ts";

export type Candidate = { readonly peer: PeerName; readonly load: ProviderLoad };
export type Choice = {
  readonly policy: Policy;
  /** Whom `hash` keeps together. */
  readonly client: string;
};

/** One of at least one candidate. */
export function choose(
  candidates: readonly Candidate[],
  { policy, client }: Choice,
  random: Random,
  nowMs: number,
): PeerName {
  if (policy === "round-robin") return roundRobin(candidates, nowMs);
  if (policy === "hash")
    return lowest(candidates, ({ peer, load }) => distance(peer, client, load));
  if (policy === "least-connections") {
    return lowest(candidates, ({ load }) => (load.open + 1) / load.share(nowMs));
  }
  return lowest(twoOf(candidates, random), ({ load }) => expectedMs(load, nowMs));
}

function roundRobin(candidates: readonly Candidate[], nowMs: number): PeerName {
  let total = 0;
  for (const { load } of candidates) {
    const share = load.share(nowMs);
    load.turn += share;
    total += share;
  }
  const next = candidates.reduce((best, one) => (one.load.turn > best.load.turn ? one : best));
  next.load.turn -= total;
  return next.peer;
}

/** One of which nothing is known is tried first: its share keeps it from getting everything. */
function expectedMs(load: ProviderLoad, nowMs: number): number {
  return ((load.latencyMs ?? 0) * (load.open + 1) + load.open) / load.share(nowMs);
}

function twoOf(candidates: readonly Candidate[], random: Random): readonly Candidate[] {
  if (candidates.length <= 2) return candidates;
  const first = Math.floor(random.float() * candidates.length);
  const step = 1 + Math.floor(random.float() * (candidates.length - 1));
  return [candidates[first]!, candidates[(first + step) % candidates.length]!];
}

function distance(peer: PeerName, client: string, load: ProviderLoad): number {
  const digest = createHash("sha256").update(`${peer} ${client}`).digest();
  const uniform = (digest.readUIntBE(0, 6) + 1) / 2 ** 48;
  return -Math.log(uniform) / load.weight;
}

function lowest(
  candidates: readonly Candidate[],
  cost: (candidate: Candidate) => number,
): PeerName {
  let [best] = candidates;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const its = cost(candidate);
    if (its >= bestCost) continue;
    best = candidate;
    bestCost = its;
  }
  return best!.peer;
}
