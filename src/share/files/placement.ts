/**
 * Who should hold a share: decided by everybody alike from the roster, with nobody in charge.
 *
 * Weighted rendezvous hashing: for a share each member has the score -w / ln(h), h in (0, 1) from a hash of share and
 * member, w its free capacity; the highest scores hold it. (Thaler and Ravishankar, "Using name-based mappings to increase
 * hit rates", IEEE/ACM Transactions on Networking 6:1, 1998; the weights as in Schindelhauer and Schomaker, "Weighted
 * distributed hash tables", SPAA 2005.) When a member comes or goes, only what it holds, or is to hold, moves.
 *
 * Free capacity changes as shares are placed, and a share must not wander because of it. So the weight is its power of
 * two, and who holds it already stays: a holder is released only while there are more than `copiesMax`, an absent copy
 * is made only while there are fewer than `copiesMin`.
 */
import { createHash } from "node:crypto";
import type { PeerName } from "../../core/ports.ts";
import type { Candidate } from "./ports.ts";

const tag = "coterie share placement v1";

/** Uniform in (0, 1): 52 bits of SHA-256(tag, 0, root, 0, member), and a half. */
export function drawOf(root: string, peer: PeerName): number {
  const hash = createHash("sha256").update(`${tag}\0${root}\0${peer}`).digest();
  const bits = hash.readUInt32BE(0) * 2 ** 20 + (hash.readUInt32BE(4) >>> 12);
  return (bits + 0.5) / 2 ** 52;
}

/** 0 for a member that has no room; so small differences change nothing. */
export function weightOf(freeBytes: number): number {
  const unit = 2 ** 20;
  return freeBytes < unit ? 0 : 2 ** Math.floor(Math.log2(freeBytes / unit));
}

export function scoreOf(root: string, peer: PeerName, weight: number): number {
  return weight === 0 ? 0 : -weight / Math.log(drawOf(root, peer));
}

export type Placement = {
  readonly root: string;
  readonly bytes: number;
  readonly copiesMin: number;
  readonly copiesMax: number;
};

/** Members that can take a share, the best first. Those that have not said what room they have take none. */
export function ranked(share: Placement, candidates: readonly Candidate[]): PeerName[] {
  return candidates
    .filter(({ standing, freeBytes = 0 }) => standing === "alive" && freeBytes >= share.bytes)
    .map(({ peer, freeBytes = 0 }) => ({
      peer,
      score: scoreOf(share.root, peer, weightOf(freeBytes)),
    }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score || (a.peer < b.peer ? -1 : 1))
    .map(({ peer }) => peer);
}

export type Duty = "fetch" | "drop" | "stay";

/**
 * What this member should do about a share. `holders` are those who say that they hold it; `owner` never drops its own.
 *
 * 1. Holders that failed or left count for nothing; a suspected one still counts, since most suspicions are refuted.
 * 2. With fewer than `copiesMin` holders, the best ranked of the others fetch, as many as are wanting.
 * 3. With more than `copiesMax`, those who are not needed drop: first those with the lowest draw, the owner never. Only
 *    living holders are weighed, so one that is about to fail is not counted on: a suspected one keeps nobody from staying.
 */
export function dutyOf(
  self: PeerName,
  owner: PeerName,
  share: Placement,
  holders: readonly PeerName[],
  candidates: readonly Candidate[],
): Duty {
  const standings = new Map(candidates.map(({ peer, standing }) => [peer, standing]));
  const holding = [...new Set(holders)].filter((peer) => {
    return standings.get(peer) === "alive" || standings.get(peer) === "suspect";
  });
  if (holding.includes(self)) {
    return isSpare(self, owner, share, holding, standings) ? "drop" : "stay";
  }
  const wanting = share.copiesMin - holding.length;
  if (wanting <= 0) return "stay";
  const others = ranked(share, candidates).filter((peer) => !holding.includes(peer));
  return others.slice(0, wanting).includes(self) ? "fetch" : "stay";
}

function isSpare(
  self: PeerName,
  owner: PeerName,
  { root, copiesMax }: Placement,
  holding: readonly PeerName[],
  standings: ReadonlyMap<PeerName, Candidate["standing"]>,
): boolean {
  const living = holding.filter((peer) => standings.get(peer) === "alive");
  const spares = living
    .filter((peer) => peer !== owner)
    .toSorted((a, b) => drawOf(root, a) - drawOf(root, b) || (a < b ? -1 : 1));
  return spares.slice(0, Math.max(0, living.length - copiesMax)).includes(self);
}
