/** The first frame of either side: clock, digests, and the members it heard of. */
import { compareBytes } from "../../core/codec.ts";
import { authorOf, peerNameOf } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { Bound } from "../../core/ports.ts";
import type { NamespaceDigest } from "./digests.ts";
import type { Frame, HeardMember } from "./frames.ts";
import { notAfter } from "./position.ts";
import type { Session, Shared } from "./session.ts";

export type HelloFrame = Extract<Frame, { kind: "hello" }>;

/**
 * Where the entries begin that a session is about: those stamped up to the slower clock and the tolerance, so that
 * neither side is sent what it must hold back.
 */
export function sessionBound(wallMs: number, peerWallMs: number = wallMs): Bound {
  return notAfter(Math.min(wallMs, peerWallMs) + limits.futureToleranceMs);
}

export function hello(
  shared: Shared,
  wallMs: number,
  digests: readonly NamespaceDigest[],
): HelloFrame {
  return { kind: "hello", wallMs, digests, heard: heardMembers(shared) };
}

function heardMembers(shared: Shared): HeardMember[] {
  return shared
    .heard()
    .toSorted((a, b) => a.ageMs - b.ageMs)
    .slice(0, limits.heardMembersMax)
    .map(({ member, ageMs }) => ({
      key: authorOf(member),
      ageSeconds: Math.max(0, Math.ceil(ageMs / 1000)),
    }))
    .toSorted((a, b) => compareBytes(a.key, b.key));
}

/** Passes on what a hello says about members and clocks. `wallMs` is ours when the peer wrote it, as near as we know. */
export function learn(shared: Shared, session: Session, frame: HelloFrame, wallMs: number): void {
  const { peer } = session;
  shared.emit({ kind: "clock", peer, offsetMs: Math.round(frame.wallMs - wallMs) });
  for (const { key, ageSeconds } of frame.heard) {
    shared.emit({ kind: "heard", peer, member: peerNameOf(key), ageMs: ageSeconds * 1000 });
  }
}
