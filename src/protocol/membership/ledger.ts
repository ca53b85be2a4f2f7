/**
 * What is held of each member: its latest own statement, and whether it stands. The statement with the higher
 * incarnation replaces the other with all that was said under it; a suspicion that is not refuted in time becomes
 * `failed`. Only this machine's monotonic clock ends it, so no clock that is set changes a verdict.
 */
import { authorOf } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { Standing } from "./effects.ts";
import type { News } from "./news.ts";
import type { Statement } from "./statement.ts";

export type Row = {
  readonly peer: PeerName;
  readonly key: Uint8Array;
  /** Undefined while the member is known by its card alone. */
  statement: Statement | undefined;
  standing: Standing;
  /** When the suspicion becomes `failed`. */
  dueMs: number | undefined;
  /** Of one that failed: when others are asked about it again, and how long that was put off last. */
  askMs: number;
  askRestMs: number;
};

const neverAsked = { askMs: Number.POSITIVE_INFINITY, askRestMs: 0 } as const;

export class Ledger {
  readonly #rows = new Map<PeerName, Row>();
  #members: ReadonlySet<PeerName> = new Set();
  readonly #changed: (row: Row) => void;

  constructor(changed: (row: Row) => void) {
    this.#changed = changed;
  }

  get(peer: PeerName): Row | undefined {
    return this.#rows.get(peer);
  }

  all(): Iterable<Row> {
    return this.#rows.values();
  }

  /** What is told of a member; undefined while nothing was heard from it. */
  newsOf(peer: PeerName): News | undefined {
    const row = this.#rows.get(peer);
    if (row?.statement === undefined) return undefined;
    const accused = row.standing === "suspect" || row.standing === "failed";
    return { statement: row.statement, accused };
  }

  /** Whether this is what is told here too. */
  holds({ statement, accused }: News): boolean {
    const here = this.newsOf(statement.peer);
    return here?.statement.incarnation === statement.incarnation && here.accused === accused;
  }

  news(): News[] {
    return [...this.#rows.keys()].flatMap((peer) => this.newsOf(peer) ?? []);
  }

  isMember(peer: PeerName): boolean {
    return this.#members.has(peer);
  }

  /** Members alive or suspected: those who may watch and be watched. */
  live(): Row[] {
    return [...this.#rows.values()].filter(
      ({ peer, standing }) =>
        this.#members.has(peer) && (standing === "alive" || standing === "suspect"),
    );
  }

  /** A member that this process has not heard of has a while to be heard of. */
  setMembers(peers: readonly PeerName[], nowMs: number): void {
    this.#members = new Set(peers);
    for (const peer of peers) {
      if (this.#rows.has(peer)) continue;
      const dueMs = nowMs + limits.unheardMs;
      this.#add({
        peer,
        key: authorOf(peer),
        statement: undefined,
        standing: "suspect",
        dueMs,
        ...neverAsked,
      });
    }
    this.#forgetStrangers();
  }

  /**
   * The statement is genuine and has a higher incarnation than the one here; with a time to refute when its member is
   * suspected under it, so that one of whom both is told at once is never taken for alive between.
   */
  put(statement: Statement, dueMs: number | undefined): void {
    const { peer, node, left } = statement;
    const standing = left ? "left" : dueMs === undefined ? "alive" : "suspect";
    const row = this.#rows.get(peer);
    if (row === undefined) {
      this.#add({ peer, key: node, statement, standing, dueMs, ...neverAsked });
      this.#forgetStrangers();
      return;
    }
    row.statement = statement;
    this.#set(row, standing, dueMs);
  }

  suspect(row: Row, untilMs: number): void {
    this.#set(row, "suspect", untilMs);
  }

  /** Suspicions that nobody refuted in time. */
  expire(nowMs: number): void {
    for (const row of this.#rows.values()) {
      if (row.dueMs === undefined || nowMs < row.dueMs) continue;
      row.askRestMs = limits.remindMs;
      row.askMs = nowMs + row.askRestMs;
      this.#set(row, "failed", undefined);
    }
  }

  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#rows.values())
      if (dueMs !== undefined) next = Math.min(next, dueMs);
    return next;
  }

  /** This process stood still for so long: nobody could refute to it meanwhile. */
  delay(byMs: number): void {
    for (const row of this.#rows.values()) if (row.dueMs !== undefined) row.dueMs += byMs;
  }

  #add(row: Row): void {
    this.#rows.set(row.peer, row);
    this.#changed(row);
  }

  #set(row: Row, standing: Standing, dueMs: number | undefined): void {
    row.dueMs = dueMs;
    if (row.standing === standing) return;
    row.standing = standing;
    this.#changed(row);
  }

  #forgetStrangers(): void {
    let over = this.#rows.size - this.#members.size - limits.strangersMax;
    for (const peer of this.#rows.keys()) {
      if (over <= 0) return;
      if (this.#members.has(peer)) continue;
      this.#rows.delete(peer);
      over--;
    }
  }
}
