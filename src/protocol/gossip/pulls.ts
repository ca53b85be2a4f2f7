/**
 * Pulling announced bodies, as a machine without I/O: of which peer to ask which body, and when to turn to the next.
 *
 * Invariants:
 *  1. what waits or is on its way is bounded by number and bytes, in all and by who announced it first;
 *  2. a body is asked of one peer at a time, of each peer once, and only of those who announced it;
 *  3. answers come in the order of the questions, so a peer that is late with one is late with all: its stream is
 *     dropped, its questions go to the next sources, and for a while it is not asked at all;
 *  4. every pull ends, with the body or without it, by its deadline.
 */
import { bytesName, concatBytes, equalBytes } from "../../core/codec.ts";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { sha256 } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import { decodeAnswer } from "./pull-frames.ts";

export type PullEffect =
  | { readonly kind: "ask"; readonly peer: PeerName; readonly hash: Uint8Array }
  /** Abort the stream with the peer; nothing of it matters any more. */
  | { readonly kind: "drop"; readonly peer: PeerName; readonly reason: string }
  /** `body` is undefined when nobody gave it in time. */
  | { readonly kind: "done"; readonly name: string; readonly body: Uint8Array | undefined }
  /** The bytes that it sent are its fault. */
  | { readonly kind: "charge"; readonly peer: PeerName; readonly error: CoterieError };

export type Wanted = {
  readonly hash: Uint8Array;
  readonly size: number;
  /** Who announced it first, and is charged with the room it takes. */
  readonly from: PeerName;
  /** Who announced it so far. */
  readonly sources: () => readonly PeerName[];
};

type Pull = Wanted & {
  readonly name: string;
  readonly endMs: number;
  readonly tried: Set<PeerName>;
  asked: PeerName | undefined;
  /** While nobody is asked: when it ends for want of further sources. */
  idleEndMs: number;
};

/** Questions to one peer, in the order of the answers that are due. */
type Line = {
  readonly pulls: Pull[];
  pieces: Uint8Array[];
  bytes: number;
  /** Since when the first answer is due. */
  sinceMs: number;
};

/** The slowest link that pulls are made for. */
const slowestBytesPerMs = 256;
const never = Number.POSITIVE_INFINITY;

export function bodyName(hash: Uint8Array): string {
  return bytesName(hash);
}

export class Pulls {
  readonly #emit: (effect: PullEffect) => void;
  readonly #pulls = new Map<string, Pull>();
  readonly #lines = new Map<PeerName, Line>();
  readonly #resting = new Map<PeerName, number>();
  #bytes = 0;

  constructor(emit: (effect: PullEffect) => void) {
    this.#emit = emit;
  }

  get size(): number {
    return this.#pulls.size;
  }

  /** False when there is no room for it; else it ends with `done`. */
  want(wanted: Wanted, nowMs: number): boolean {
    const name = bodyName(wanted.hash);
    const fits = wanted.size > 0 && wanted.size <= limits.syncBundleBytesMax;
    if (!fits || this.#pulls.has(name) || !this.#hasRoom(wanted)) return false;
    const endMs = nowMs + limits.pullMsMax + wanted.size / slowestBytesPerMs;
    const idleEndMs = nowMs + limits.pullAnswerMs;
    const pull = {
      ...wanted,
      name,
      endMs,
      tried: new Set<PeerName>(),
      asked: undefined,
      idleEndMs,
    };
    this.#pulls.set(name, pull);
    this.#bytes += wanted.size;
    this.#ask(pull, nowMs);
    return true;
  }

  frame(peer: PeerName, frame: Uint8Array, nowMs: number): void {
    try {
      this.#take(peer, frame, nowMs);
    } catch (thrown) {
      const error = toCoterieError(thrown);
      this.#emit({ kind: "charge", peer, error });
      this.#drop(peer, error.message, nowMs);
    }
  }

  /** The stream with the peer broke or could not be opened. */
  lost(peer: PeerName, nowMs: number): void {
    this.#turnElsewhere(peer, nowMs);
  }

  /** Turns from those who are late to others; answers when to be called again. */
  tick(nowMs: number): number {
    for (const [peer, line] of this.#lines) {
      if (nowMs < lineEndMs(line)) continue;
      this.#rest(peer, nowMs);
      this.#drop(peer, "no answer to a pull in time", nowMs);
    }
    for (const pull of this.#pulls.values()) {
      if (pull.asked === undefined) this.#ask(pull, nowMs);
      const idle = pull.asked === undefined && nowMs >= pull.idleEndMs;
      if (idle || nowMs >= pull.endMs) this.#end(pull, undefined, nowMs);
    }
    return this.#nextMs(nowMs);
  }

  #take(peer: PeerName, frame: Uint8Array, nowMs: number): void {
    const answer = decodeAnswer(frame);
    const line = this.#lines.get(peer);
    const pull = line?.pulls[0];
    if (line === undefined || pull === undefined) {
      throw new CoterieError("REFUSED", "an answer that nobody asked for");
    }
    if (answer.kind === "gone") {
      this.#advance(line, nowMs);
      if (this.#isAt(pull, peer)) this.#free(pull, nowMs);
    } else {
      line.bytes += answer.bytes.length;
      if (line.bytes > pull.size) throw new CoterieError("TOO_LARGE", "more than was announced");
      line.pieces.push(answer.bytes);
      if (answer.last) this.#complete(peer, line, pull, nowMs);
    }
    this.#askAll(nowMs);
  }

  #complete(peer: PeerName, line: Line, pull: Pull, nowMs: number): void {
    const body = line.pieces.length === 1 ? line.pieces[0]! : concatBytes(...line.pieces);
    this.#advance(line, nowMs);
    if (!equalBytes(sha256(body), pull.hash)) {
      if (this.#isAt(pull, peer)) this.#free(pull, nowMs);
      throw new CoterieError("BAD_FORMAT", "not the body that was asked for");
    }
    if (this.#pulls.get(pull.name) === pull) this.#end(pull, body, nowMs);
  }

  #isAt(pull: Pull, peer: PeerName): boolean {
    return this.#pulls.get(pull.name) === pull && pull.asked === peer;
  }

  #advance(line: Line, nowMs: number): void {
    line.pulls.shift();
    line.pieces = [];
    line.bytes = 0;
    line.sinceMs = nowMs;
  }

  #free(pull: Pull, nowMs: number): void {
    pull.asked = undefined;
    pull.idleEndMs = nowMs + limits.pullAnswerMs;
  }

  #drop(peer: PeerName, reason: string, nowMs: number): void {
    this.#emit({ kind: "drop", peer, reason });
    this.#turnElsewhere(peer, nowMs);
  }

  #turnElsewhere(peer: PeerName, nowMs: number): void {
    const line = this.#lines.get(peer);
    this.#lines.delete(peer);
    for (const pull of line?.pulls ?? []) if (this.#isAt(pull, peer)) this.#free(pull, nowMs);
    this.#askAll(nowMs);
  }

  #askAll(nowMs: number): void {
    for (const pull of this.#pulls.values()) if (pull.asked === undefined) this.#ask(pull, nowMs);
  }

  #ask(pull: Pull, nowMs: number): void {
    if (this.#underWay() >= limits.pullsAtOnceMax) return this.#wait(pull, nowMs);
    const untried = pull
      .sources()
      .filter((peer) => !pull.tried.has(peer) && !this.#rests(peer, nowMs));
    const peer = untried.find((each) => this.#lineLength(each) < limits.pullsAtOncePerPeerMax);
    if (peer === undefined) {
      if (untried.length > 0) this.#wait(pull, nowMs);
      return;
    }
    pull.tried.add(peer);
    pull.asked = peer;
    const line = this.#lines.get(peer) ?? { pulls: [], pieces: [], bytes: 0, sinceMs: nowMs };
    if (line.pulls.length === 0) line.sinceMs = nowMs;
    line.pulls.push(pull);
    this.#lines.set(peer, line);
    this.#emit({ kind: "ask", peer, hash: pull.hash });
  }

  /** There is a source, and no room to ask it yet. */
  #wait(pull: Pull, nowMs: number): void {
    pull.idleEndMs = nowMs + limits.pullAnswerMs;
  }

  #end(pull: Pull, body: Uint8Array | undefined, nowMs: number): void {
    this.#pulls.delete(pull.name);
    this.#bytes -= pull.size;
    this.#emit({ kind: "done", name: pull.name, body });
    if (body !== undefined && pull.asked !== undefined) this.#resting.delete(pull.asked);
    this.#askAll(nowMs);
  }

  #hasRoom({ from, size }: Wanted): boolean {
    if (this.#pulls.size >= limits.pullsMax) return false;
    if (this.#bytes + size > limits.pullsBytesMax) return false;
    const same = [...this.#pulls.values()].filter((pull) => pull.from === from);
    const bytes = same.reduce((sum, pull) => sum + pull.size, size);
    return same.length < limits.pullsPerPeerMax && bytes <= limits.pullsPerPeerBytesMax;
  }

  #underWay(): number {
    let count = 0;
    for (const { pulls } of this.#lines.values()) count += pulls.length;
    return count;
  }

  #lineLength(peer: PeerName): number {
    return this.#lines.get(peer)?.pulls.length ?? 0;
  }

  #rest(peer: PeerName, nowMs: number): void {
    this.#resting.delete(peer);
    if (this.#resting.size >= limits.conductPeersRemembered) {
      const oldest = this.#resting.keys().next();
      if (!oldest.done) this.#resting.delete(oldest.value);
    }
    this.#resting.set(peer, nowMs + limits.pullRestMs);
  }

  #rests(peer: PeerName, nowMs: number): boolean {
    const untilMs = this.#resting.get(peer);
    if (untilMs !== undefined && nowMs >= untilMs) this.#resting.delete(peer);
    return untilMs !== undefined && nowMs < untilMs;
  }

  #nextMs(nowMs: number): number {
    let nextMs = never;
    for (const line of this.#lines.values()) nextMs = Math.min(nextMs, lineEndMs(line));
    for (const { asked, idleEndMs, endMs } of this.#pulls.values()) {
      nextMs = Math.min(nextMs, endMs, asked === undefined ? idleEndMs : never);
    }
    // sources may come while nobody is asked
    const idle = [...this.#pulls.values()].some(({ asked }) => asked === undefined);
    return idle ? Math.min(nextMs, nowMs + pollMs) : nextMs;
  }
}

const pollMs = 50;

function lineEndMs({ pulls, sinceMs }: Line): number {
  const first = pulls[0];
  if (first === undefined) return never;
  return sinceMs + limits.pullAnswerMs + first.size / slowestBytesPerMs;
}
